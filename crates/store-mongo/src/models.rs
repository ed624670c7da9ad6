//! [`ModelCatalog`] in MongoDB: one document per model, with the fields it has in JSON.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_models::{Model, ModelCatalog};
use llmgw_types::{ModelId, Revision, StoreError};
use mongodb::bson::{Bson, Document, doc};
use mongodb::{Collection, Database};

use crate::connection::Connection;
use crate::error::{corrupt, failed, failed_to_keep};
use crate::fields::{from_bson, to_bson};
use crate::reading::{first, not_changed, of_revision, page};

const MODELS: &str = "models";

/// Models in a MongoDB collection.
#[derive(Debug, Clone)]
pub struct MongoModels {
    connection: Arc<Connection>,
}

impl MongoModels {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl ModelCatalog for MongoModels {
    async fn list(&self) -> Result<Vec<Model>, StoreError> {
        let bound = self.connection.options().call_timeout;
        self.connection
            .call(move |database| async move {
                page(&models(&database), Document::new(), usize::MAX, bound, read).await
            })
            .await
    }

    async fn get(&self, id: &ModelId) -> Result<Option<Model>, StoreError> {
        let filter = by_id(id);
        let bound = self.connection.options().call_timeout;
        self.connection
            .call(move |database| async move { first(&models(&database), filter, bound, read).await })
            .await
    }

    async fn insert(&self, model: &Model) -> Result<(), StoreError> {
        let (document, what) = (document(model)?, named(&model.id));
        self.connection
            .call(move |database| async move {
                let inserted = models(&database).insert_one(document).await;
                inserted.map(drop).map_err(|error| failed_to_keep(&what, error))
            })
            .await
    }

    async fn update(&self, model: &Model) -> Result<(), StoreError> {
        let filter = of_revision(model.id.as_str().into(), model.revision);
        let new = document(&Model {
            revision: model.revision.next(),
            ..model.clone()
        })?;
        let (id, what) = (Bson::from(model.id.as_str()), named(&model.id));
        self.connection
            .call(move |database| async move {
                let replaced = models(&database).replace_one(filter, new).await;
                match replaced.map_err(failed)?.matched_count {
                    0 => Err(not_changed(&models(&database), id, what).await),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn remove(&self, id: &ModelId, seen: Option<Revision>) -> Result<bool, StoreError> {
        let filter = seen.map_or_else(|| by_id(id), |seen| of_revision(id.as_str().into(), seen));
        let (id, what) = (Bson::from(id.as_str()), named(id));
        self.connection
            .call(move |database| async move {
                let removed = models(&database).delete_one(filter).await.map_err(failed)?;
                if removed.deleted_count > 0 || seen.is_none() {
                    return Ok(removed.deleted_count > 0);
                }
                match not_changed(&models(&database), id, what).await {
                    StoreError::Missing { .. } => Ok(false),
                    changed => Err(changed),
                }
            })
            .await
    }
}

fn models(database: &Database) -> Collection<Document> {
    database.collection(MODELS)
}

fn by_id(id: &ModelId) -> Document {
    doc! { "_id": id.as_str() }
}

fn named(id: &ModelId) -> String {
    format!("model {id}")
}

fn document(model: &Model) -> Result<Document, StoreError> {
    let Bson::Document(mut fields) = to_bson(model)? else {
        return Err(corrupt("a model is no document".to_owned()));
    };
    fields.remove("id");
    let mut document = by_id(&model.id);
    document.extend(fields);
    Ok(document)
}

fn read(document: &Document) -> Result<Model, StoreError> {
    let mut fields = document.clone();
    let id = fields.remove("_id").unwrap_or(Bson::Null);
    fields.insert("id", id);
    from_bson("of a model", &Bson::Document(fields))
}
