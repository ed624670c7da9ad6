//! [`LimitStore`] in MongoDB: one document.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_types::{Revision, StoreError};
use llmgw_usage::admission::{LimitStore, SetLimits};
use mongodb::bson::{Bson, Document, doc};
use mongodb::{Collection, Database};

use crate::connection::Connection;
use crate::error::{corrupt, failed, is_duplicate};
use crate::fields::{from_bson, to_bson};
use crate::reading::{first, of_revision};

const LIMITS: &str = "limits";

/// Its id.
const SET: &str = "set";

/// What administrators set, in a MongoDB collection.
#[derive(Debug, Clone)]
pub struct MongoLimits {
    connection: Arc<Connection>,
}

impl MongoLimits {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl LimitStore for MongoLimits {
    async fn get(&self) -> Result<SetLimits, StoreError> {
        let bound = self.connection.options().call_timeout;
        let set =
            self.connection
                .call(move |database| async move {
                    first(&limits(&database), doc! { "_id": SET }, bound, read).await
                })
                .await?;
        Ok(set.unwrap_or_default())
    }

    async fn set(&self, set: &SetLimits) -> Result<(), StoreError> {
        // Nothing is there before the first time, which is of revision 0; whoever is second then meets the first.
        let first_time = set.revision == Revision::default();
        let filter = of_revision(SET.into(), set.revision);
        let new = document(&SetLimits {
            revision: set.revision.next(),
            ..set.clone()
        })?;
        let changed = || StoreError::Changed {
            what: "the limits".to_owned(),
        };
        self.connection
            .call(move |database| async move {
                let replaced = limits(&database)
                    .replace_one(filter, new)
                    .upsert(first_time)
                    .await;
                match replaced {
                    Ok(done) if done.matched_count == 0 && done.upserted_id.is_none() => Err(changed()),
                    Ok(_) => Ok(()),
                    Err(error) if is_duplicate(&error) => Err(changed()),
                    Err(error) => Err(failed(error)),
                }
            })
            .await
    }
}

fn limits(database: &Database) -> Collection<Document> {
    database.collection(LIMITS)
}

fn document(set: &SetLimits) -> Result<Document, StoreError> {
    match to_bson(set)? {
        Bson::Document(mut document) => {
            document.insert("_id", SET);
            Ok(document)
        }
        _ => Err(corrupt("limits are no document".to_owned())),
    }
}

fn read(document: &Document) -> Result<SetLimits, StoreError> {
    let mut fields = document.clone();
    fields.remove("_id");
    from_bson("of limits", &Bson::Document(fields))
}
