//! [`KeyStore`] in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_keys::{ApiKey, KeyHash, KeyStore, Page};
use llmgw_types::{KeyId, Revision, StoreError, Timestamp, UserId};
use rusqlite::{OptionalExtension, Row, named_params};

use crate::columns::{get_json, get_optional_time, get_time, get_word, json, limit, word};
use crate::connections::{Connections, Session};
use crate::error::{failed, failed_to_keep, not_changed};

/// Keys in a SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteKeys {
    connections: Arc<Connections>,
}

const INSERT: &str = "
    INSERT INTO api_keys (id, hash, hint, name, owner, models, limits, expires_at, state, created_at,
        last_used_at, replaces, revision)
    VALUES (:id, :hash, :hint, :name, :owner, :models, :limits, :expires_at, :state, :created_at,
        :last_used_at, :replaces, :revision)";

const UPDATE: &str = "
    UPDATE api_keys SET hash = :hash, hint = :hint, name = :name, owner = :owner, models = :models,
        limits = :limits, expires_at = :expires_at, created_at = :created_at, last_used_at = :last_used_at,
        replaces = :replaces, revision = revision + 1, state = CASE state WHEN 'revoked' THEN state ELSE :state END
    WHERE id = :id AND revision = :revision";

const TOUCH: &str =
    "UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)";

impl SqliteKeys {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }
}

#[async_trait]
impl KeyStore for SqliteKeys {
    async fn insert(&self, key: &ApiKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.connections
            .write(move |session| write(session, INSERT, &key).map(drop))
            .await
    }

    async fn by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let hash = *hash.as_bytes();
        self.connections
            .read(move |connection| {
                let mut find = connection.prepare_cached("SELECT * FROM api_keys WHERE hash = ?1")?;
                find.query_row([hash], read).optional()
            })
            .await
    }

    async fn get(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.connections
            .read(move |connection| {
                let mut find = connection.prepare_cached("SELECT * FROM api_keys WHERE id = ?1")?;
                find.query_row([id.as_bytes()], read).optional()
            })
            .await
    }

    async fn list(&self, owner: Option<UserId>, page: Page<KeyId>) -> Result<Vec<ApiKey>, StoreError> {
        self.connections
            .read(move |connection| {
                // A text for each, so that a list of one owner's keys uses the index by owner.
                let of = if owner.is_some() {
                    "owner = ?1"
                } else {
                    "?1 IS NULL"
                };
                let text = format!("SELECT * FROM api_keys WHERE {of} AND id > ?2 ORDER BY id LIMIT ?3");
                // No id is before the empty blob.
                let after = page.after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
                let mut select = connection.prepare_cached(&text)?;
                select
                    .query_map((owner.map(|id| *id.as_bytes()), after, limit(page.limit)), read)?
                    .collect()
            })
            .await
    }

    async fn update(&self, key: &ApiKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.connections
            .write(move |session| match write(session, UPDATE, &key)? {
                0 => Err(not_changed(
                    session,
                    "SELECT 1 FROM api_keys WHERE id = ?1",
                    key.id.as_bytes(),
                    || format!("key {}", key.id),
                )),
                _ => Ok(()),
            })
            .await
    }

    async fn touch(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        let used = used.to_vec();
        let touched = move |connection: &rusqlite::Connection| {
            let mut touch = connection.prepare_cached(TOUCH)?;
            used.iter()
                .try_for_each(|(id, at)| touch.execute((id.as_bytes(), at.as_micros())).map(drop))
        };
        self.connections
            .write(move |session| touched(&session.connection).map_err(failed))
            .await
    }
}

fn write(session: &Session, text: &str, key: &ApiKey) -> Result<usize, StoreError> {
    let (models, limits, state) = (json(&key.models)?, json(&key.limits)?, word(&key.state)?);
    let mut statement = session.connection.prepare_cached(text).map_err(failed)?;
    statement
        .execute(named_params! {
            ":id": key.id.as_bytes(),
            ":hash": key.hash.as_bytes(),
            ":hint": key.hint,
            ":name": key.name,
            ":owner": key.owner.as_bytes(),
            ":models": models,
            ":limits": limits,
            ":expires_at": key.expires_at.map(Timestamp::as_micros),
            ":state": state,
            ":created_at": key.created_at.as_micros(),
            ":revision": key.revision.number(),
            ":last_used_at": key.last_used_at.map(Timestamp::as_micros),
            ":replaces": key.replaces.as_ref().map(KeyId::as_bytes),
        })
        .map_err(|error| failed_to_keep("a key with this id or hash", error))
}

fn read(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: KeyId::from_bytes(row.get("id")?),
        hash: KeyHash::from_bytes(row.get("hash")?),
        hint: row.get("hint")?,
        name: row.get("name")?,
        owner: UserId::from_bytes(row.get("owner")?),
        models: get_json(row, "models")?,
        limits: get_json(row, "limits")?,
        expires_at: get_optional_time(row, "expires_at")?,
        state: get_word(row, "state")?,
        created_at: get_time(row, "created_at")?,
        revision: Revision::new(row.get("revision")?),
        last_used_at: get_optional_time(row, "last_used_at")?,
        replaces: row.get::<_, Option<_>>("replaces")?.map(KeyId::from_bytes),
    })
}
