//! [`ModelCatalog`] in SQLite: one JSON document per model.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_models::{Model, ModelCatalog};
use llmgw_types::{ModelId, Revision, StoreError};
use rusqlite::{OptionalExtension, Row, params_from_iter};

use crate::columns::{get_json, json};
use crate::connections::Connections;
use crate::error::{failed, failed_to_keep, not_changed};

/// Models in a SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteModels {
    connections: Arc<Connections>,
}

const FIND: &str = "SELECT 1 FROM models WHERE id = ?1";

const DELETE: &str = "
    DELETE FROM models
    WHERE id = ?1 AND (?2 IS NULL OR coalesce(json_extract(document, '$.revision'), 0) = ?2)";

const UPDATE: &str = "
    UPDATE models SET document = ?2
    WHERE id = ?1 AND coalesce(json_extract(document, '$.revision'), 0) = ?3";

impl SqliteModels {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }

    // Runs one statement over `params`; returns how many rows it changed.
    async fn change(
        &self,
        text: &'static str,
        what: String,
        params: Vec<String>,
    ) -> Result<usize, StoreError> {
        self.connections
            .write(move |session| {
                let mut statement = session.connection.prepare_cached(text).map_err(failed)?;
                statement
                    .execute(params_from_iter(params))
                    .map_err(|error| failed_to_keep(&what, error))
            })
            .await
    }
}

#[async_trait]
impl ModelCatalog for SqliteModels {
    async fn list(&self) -> Result<Vec<Model>, StoreError> {
        self.connections
            .read(|connection| {
                let mut select = connection.prepare_cached("SELECT document FROM models ORDER BY id")?;
                select.query_map([], read)?.collect()
            })
            .await
    }

    async fn get(&self, id: &ModelId) -> Result<Option<Model>, StoreError> {
        let id = id.to_string();
        self.connections
            .read(move |connection| {
                let mut find = connection.prepare_cached("SELECT document FROM models WHERE id = ?1")?;
                find.query_row([id], read).optional()
            })
            .await
    }

    async fn insert(&self, model: &Model) -> Result<(), StoreError> {
        let params = vec![model.id.to_string(), json(model)?];
        self.change(
            "INSERT INTO models (id, document) VALUES (?1, ?2)",
            named(&model.id),
            params,
        )
        .await
        .map(drop)
    }

    async fn update(&self, model: &Model) -> Result<(), StoreError> {
        let changed = Model {
            revision: model.revision.next(),
            ..model.clone()
        };
        let (id, document, was) = (model.id.to_string(), json(&changed)?, model.revision.number());
        let what = named(&model.id);
        self.connections
            .write(move |session| {
                let mut update = session.connection.prepare_cached(UPDATE).map_err(failed)?;
                match update.execute((&id, document, was)).map_err(failed)? {
                    0 => Err(not_changed(session, FIND, &id, || what)),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn remove(&self, id: &ModelId, seen: Option<Revision>) -> Result<bool, StoreError> {
        let (id, what, was) = (id.to_string(), named(id), seen.map(Revision::number));
        self.connections
            .write(move |session| {
                let mut delete = session.connection.prepare_cached(DELETE).map_err(failed)?;
                let removed = delete.execute((&id, was)).map_err(failed)?;
                if removed > 0 || was.is_none() {
                    return Ok(removed > 0);
                }
                match not_changed(session, FIND, &id, || what) {
                    StoreError::Missing { .. } => Ok(false),
                    changed => Err(changed),
                }
            })
            .await
    }
}

fn named(id: &ModelId) -> String {
    format!("model {id}")
}

fn read(row: &Row<'_>) -> rusqlite::Result<Model> {
    get_json(row, "document")
}
