//! [`SessionStore`] in SQLite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use llmgw_sessions::{Login, Session, SessionStore, TokenHash};
use llmgw_types::{StoreError, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension, Params, Row, named_params, params};

use crate::columns::{get_count, get_json, get_time, json};
use crate::connections::{Connections, execute};
use crate::error::{failed, failed_to_keep};

/// Sessions in a SQLite file. Each new one lets go of some that are over.
#[derive(Debug, Clone)]
pub struct SqliteSessions {
    connections: Arc<Connections>,
}

const INSERT: &str = "
    INSERT INTO sessions (token_hash, user_id, issuer, name_id, session_index, data, created_at, seen_at, ends_at,
        idle, expires_at)
    VALUES (:token_hash, :user_id, :issuer, :name_id, :session_index, :data, :created_at, :seen_at, :ends_at,
        :idle, :expires_at)";

const UPDATE: &str = "
    UPDATE sessions SET user_id = :user_id, issuer = :issuer, name_id = :name_id, session_index = :session_index,
        data = :data, created_at = :created_at, seen_at = :seen_at, ends_at = :ends_at, idle = :idle,
        expires_at = :expires_at
    WHERE token_hash = :token_hash";

const FIND: &str = "SELECT * FROM sessions WHERE token_hash = ?1 AND expires_at > ?2";

const SWEEP: &str = "
    DELETE FROM sessions WHERE token_hash IN
        (SELECT token_hash FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT 64)";

// No index stands for all of them.
const REMOVE_LOGIN: &str = "
    DELETE FROM sessions WHERE issuer = ?1 AND name_id = ?2
        AND (?3 = '[]' OR session_index IN (SELECT value FROM json_each(?3)))";

impl SqliteSessions {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }

    // Runs one statement; returns how many rows it removed.
    async fn delete<P>(&self, text: &'static str, params: P) -> Result<usize, StoreError>
    where
        P: Params + Send + 'static,
    {
        self.connections
            .write(move |writer| execute(&writer.connection, text, params))
            .await
    }

    // Replaces the session with what `change` makes of it; returns whether it was there.
    async fn change<F>(&self, hash: TokenHash, now: Timestamp, change: F) -> Result<bool, StoreError>
    where
        F: FnOnce(Session) -> Session + Send + 'static,
    {
        self.connections
            .write(move |writer| {
                let connection = &writer.connection;
                let Some(kept) = find(connection, &hash, now).map_err(failed)? else {
                    return Ok(false);
                };
                write(connection, UPDATE, &hash, &change(kept))?;
                Ok(true)
            })
            .await
    }
}

#[async_trait]
impl SessionStore for SqliteSessions {
    async fn insert(&self, hash: &TokenHash, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        let (hash, session) = (*hash, session.clone());
        self.connections
            .write(move |writer| {
                let connection = &writer.connection;
                let over = "DELETE FROM sessions WHERE token_hash = ?1 AND expires_at <= ?2";
                execute(connection, over, params![hash.as_bytes(), now.as_micros()])?;
                write(connection, INSERT, &hash, &session)?;
                execute(connection, SWEEP, [now.as_micros()]).map(drop)
            })
            .await
    }

    async fn get(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let hash = *hash;
        self.connections
            .read(move |connection| find(connection, &hash, now))
            .await
    }

    async fn update(&self, hash: &TokenHash, session: &Session, now: Timestamp) -> Result<bool, StoreError> {
        let session = session.clone();
        self.change(*hash, now, move |kept| Session {
            seen_at: session.seen_at.max(kept.seen_at),
            ..session
        })
        .await
    }

    async fn touch(&self, hash: &TokenHash, seen_at: Timestamp) -> Result<bool, StoreError> {
        self.change(*hash, seen_at, move |kept| Session {
            seen_at: seen_at.max(kept.seen_at),
            ..kept
        })
        .await
    }

    async fn remove(&self, hash: &TokenHash) -> Result<bool, StoreError> {
        let text = "DELETE FROM sessions WHERE token_hash = ?1";
        Ok(self.delete(text, (*hash.as_bytes(),)).await? > 0)
    }

    async fn remove_user(&self, user: UserId) -> Result<u64, StoreError> {
        let text = "DELETE FROM sessions WHERE user_id = ?1";
        let removed = self.delete(text, (*user.as_bytes(),)).await?;
        Ok(removed as u64)
    }

    async fn remove_login(
        &self,
        issuer: &str,
        name_id: &str,
        session_indexes: &[String],
    ) -> Result<u64, StoreError> {
        let named = (issuer.to_owned(), name_id.to_owned(), json(&session_indexes)?);
        let removed = self.delete(REMOVE_LOGIN, named).await?;
        Ok(removed as u64)
    }
}

fn find(connection: &Connection, hash: &TokenHash, now: Timestamp) -> rusqlite::Result<Option<Session>> {
    connection
        .prepare_cached(FIND)?
        .query_row(params![hash.as_bytes(), now.as_micros()], read)
        .optional()
}

fn write(connection: &Connection, text: &str, hash: &TokenHash, session: &Session) -> Result<(), StoreError> {
    let login = session.login.as_ref();
    let data = json(&session.data)?;
    let mut statement = connection.prepare_cached(text).map_err(failed)?;
    statement
        .execute(named_params! {
            ":token_hash": hash.as_bytes(),
            ":user_id": session.user.as_ref().map(UserId::as_bytes),
            ":issuer": login.map(|login| &login.issuer),
            ":name_id": login.map(|login| &login.name_id),
            ":session_index": login.and_then(|login| login.session_index.as_ref()),
            ":data": data,
            ":created_at": session.created_at.as_micros(),
            ":seen_at": session.seen_at.as_micros(),
            ":ends_at": session.ends_at.as_micros(),
            ":idle": i64::try_from(session.idle.as_micros()).unwrap_or(i64::MAX),
            ":expires_at": session.expires_at().as_micros(),
        })
        .map(drop)
        .map_err(|error| failed_to_keep("a session with this token", error))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    let issuer: Option<String> = row.get("issuer")?;
    let login = match issuer {
        None => None,
        Some(issuer) => Some(Login {
            issuer,
            name_id: row.get("name_id")?,
            session_index: row.get("session_index")?,
        }),
    };
    Ok(Session {
        user: row.get::<_, Option<_>>("user_id")?.map(UserId::from_bytes),
        login,
        data: get_json(row, "data")?,
        created_at: get_time(row, "created_at")?,
        seen_at: get_time(row, "seen_at")?,
        ends_at: get_time(row, "ends_at")?,
        idle: Duration::from_micros(get_count(row, "idle")?),
    })
}
