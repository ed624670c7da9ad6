//! [`LimitStore`] in SQLite: one JSON document.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_types::StoreError;
use llmgw_usage::admission::{LimitStore, SetLimits};
use rusqlite::OptionalExtension;

use crate::columns::{get_json, json};
use crate::connections::Connections;
use crate::error::failed;

/// What administrators set, in a SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteLimits {
    connections: Arc<Connections>,
}

// Nothing is there before the first time, which is of revision 0.
const SET: &str = "
    INSERT INTO limits (one, document) SELECT 1, ?1 WHERE ?2 = 0 OR EXISTS (SELECT 1 FROM limits)
    ON CONFLICT (one) DO UPDATE SET document = excluded.document WHERE json_extract(document, '$.revision') = ?2";

impl SqliteLimits {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }
}

#[async_trait]
impl LimitStore for SqliteLimits {
    async fn get(&self) -> Result<SetLimits, StoreError> {
        self.connections
            .read(|connection| {
                let mut find = connection.prepare_cached("SELECT document FROM limits")?;
                let set = find.query_row([], |row| get_json(row, "document")).optional()?;
                Ok(set.unwrap_or_default())
            })
            .await
    }

    async fn set(&self, limits: &SetLimits) -> Result<(), StoreError> {
        let seen = limits.revision.number();
        let document = json(&SetLimits {
            revision: limits.revision.next(),
            ..limits.clone()
        })?;
        self.connections
            .write(move |session| {
                let mut set = session.connection.prepare_cached(SET).map_err(failed)?;
                match set.execute((document, seen)).map_err(failed)? {
                    0 => Err(StoreError::Changed {
                        what: "the limits".to_owned(),
                    }),
                    _ => Ok(()),
                }
            })
            .await
    }
}
