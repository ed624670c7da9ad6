//! [`KeyStore`] in MongoDB.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_keys::{ApiKey, KeyHash, KeyStore, Page};
use llmgw_types::{KeyId, StoreError, Timestamp, UserId};
use mongodb::bson::{Document, doc};
use mongodb::{Collection, Database};

use crate::connection::Connection;
use crate::error::{failed, failed_to_keep};
use crate::fields::{
    binary, get, get_bytes, get_optional_time, get_optional_uuid, get_parsed, get_revision, get_uuid, time,
    to_bson, uuid,
};
use crate::reading::{first, not_changed, of_revision, page};
use crate::updates::{Update, update};

pub(crate) const API_KEYS: &str = "api_keys";

const TAKEN: &str = "a key with this id or hash";

/// Keys in a MongoDB collection.
#[derive(Debug, Clone)]
pub struct MongoKeys {
    connection: Arc<Connection>,
}

impl MongoKeys {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    async fn find(&self, filter: Document) -> Result<Option<ApiKey>, StoreError> {
        let bound = self.connection.options().call_timeout;
        self.connection
            .call(move |database| async move { first(&keys(&database), filter, bound, read).await })
            .await
    }
}

#[async_trait]
impl KeyStore for MongoKeys {
    async fn insert(&self, key: &ApiKey) -> Result<(), StoreError> {
        let document = document(key)?;
        self.connection
            .call(|database| async move {
                let inserted = keys(&database).insert_one(document).await;
                inserted.map(drop).map_err(|error| failed_to_keep(TAKEN, error))
            })
            .await
    }

    async fn by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.find(doc! { "hash": binary(hash.as_bytes()) }).await
    }

    async fn get(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.find(doc! { "_id": uuid(id.as_bytes()) }).await
    }

    async fn list(&self, owner: Option<UserId>, of: Page<KeyId>) -> Result<Vec<ApiKey>, StoreError> {
        let mut filter = Document::new();
        if let Some(owner) = owner {
            filter.insert("owner", uuid(owner.as_bytes()));
        }
        if let Some(after) = of.after {
            filter.insert("_id", doc! { "$gt": uuid(after.as_bytes()) });
        }
        let bound = self.connection.options().call_timeout;
        self.connection
            .call(move |database| async move { page(&keys(&database), filter, of.limit, bound, read).await })
            .await
    }

    async fn update(&self, key: &ApiKey) -> Result<(), StoreError> {
        let (filter, id) = (of_revision(uuid(key.id.as_bytes()), key.revision), key.id);
        let new = document(&ApiKey {
            revision: key.revision.next(),
            ..key.clone()
        })?;
        // One step on the server, whoever else changes the key meanwhile. Literal, because a name may look like
        // a field of the server's language.
        let state = doc! { "$cond": [
            { "$eq": ["$state", "revoked"] },
            "revoked",
            { "$literal": new.get_str("state").unwrap_or_default() },
        ] };
        let replace = doc! { "$replaceWith": { "$mergeObjects": [{ "$literal": new }, { "state": state }] } };
        self.connection
            .call(move |database| async move {
                let updated = keys(&database).update_one(filter, vec![replace]).await;
                match updated
                    .map_err(|error| failed_to_keep(TAKEN, error))?
                    .matched_count
                {
                    0 => Err(not_changed(&keys(&database), uuid(id.as_bytes()), format!("key {id}")).await),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn touch(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        let updates: Vec<_> = used
            .iter()
            .map(|(id, at)| Update {
                filter: doc! { "_id": uuid(id.as_bytes()) },
                // Any text is more than the null of a key that was never used.
                change: doc! { "$max": { "last_used_at": time(*at) } }.into(),
                upsert: false,
            })
            .collect();
        self.connection
            .call(|database| async move { update(&database, API_KEYS, updates, None).await.map_err(failed) })
            .await
    }
}

fn keys(database: &Database) -> Collection<Document> {
    database.collection(API_KEYS)
}

fn document(key: &ApiKey) -> Result<Document, StoreError> {
    Ok(doc! {
        "_id": uuid(key.id.as_bytes()),
        "hash": binary(key.hash.as_bytes()),
        "hint": &key.hint,
        "name": &key.name,
        "owner": uuid(key.owner.as_bytes()),
        "models": to_bson(&key.models)?,
        "limits": to_bson(&key.limits)?,
        "expires_at": key.expires_at.map(time),
        "state": to_bson(&key.state)?,
        "created_at": time(key.created_at),
        "revision": i64::from(key.revision.number()),
        "last_used_at": key.last_used_at.map(time),
        "replaces": key.replaces.map(|id| uuid(id.as_bytes())),
    })
}

fn read(document: &Document) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: KeyId::from_bytes(get_uuid(document, "_id")?),
        hash: KeyHash::from_bytes(get_bytes(document, "hash")?),
        hint: get(document, "hint")?,
        name: get(document, "name")?,
        owner: UserId::from_bytes(get_uuid(document, "owner")?),
        models: get(document, "models")?,
        limits: get(document, "limits")?,
        expires_at: get_optional_time(document, "expires_at")?,
        state: get(document, "state")?,
        created_at: get_parsed(document, "created_at")?,
        revision: get_revision(document)?,
        last_used_at: get_optional_time(document, "last_used_at")?,
        replaces: get_optional_uuid(document, "replaces")?.map(KeyId::from_bytes),
    })
}
