//! [`OneTimeStore`] in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_sessions::{OneTimeStore, TokenHash};
use llmgw_types::{StoreError, Timestamp};
use rusqlite::{OptionalExtension, params};

use crate::connections::{Connections, execute};
use crate::error::failed;

/// Values and used ids in a SQLite file. Each new one lets go of some that are over.
#[derive(Debug, Clone)]
pub struct SqliteOneTime {
    connections: Arc<Connections>,
}

const PUT: &str = "
    INSERT INTO one_time_values (kind, token_hash, value, expires_at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (kind, token_hash) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";

// Removed whether or not it is over: one statement, so one taker.
const TAKE: &str = "
    DELETE FROM one_time_values WHERE kind = ?1 AND token_hash = ?2 RETURNING value, expires_at > ?3";

// An id that is forgotten is as good as none.
const FIRST_USE: &str = "
    INSERT INTO used_ids (kind, id, expires_at) VALUES (?1, ?2, ?3)
    ON CONFLICT (kind, id) DO UPDATE SET expires_at = excluded.expires_at WHERE used_ids.expires_at <= ?4";

const SWEEP_VALUES: &str = "
    DELETE FROM one_time_values WHERE (kind, token_hash) IN
        (SELECT kind, token_hash FROM one_time_values WHERE expires_at <= ?1 ORDER BY expires_at LIMIT 64)";

const SWEEP_USED: &str = "
    DELETE FROM used_ids WHERE (kind, id) IN
        (SELECT kind, id FROM used_ids WHERE expires_at <= ?1 ORDER BY expires_at LIMIT 64)";

impl SqliteOneTime {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }
}

#[async_trait]
impl OneTimeStore for SqliteOneTime {
    async fn put(
        &self,
        kind: &str,
        hash: &TokenHash,
        value: &[u8],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (kind, hash, value) = (kind.to_owned(), *hash, value.to_vec());
        self.connections
            .write(move |writer| {
                let kept = params![kind, hash.as_bytes(), value, until.as_micros()];
                execute(&writer.connection, PUT, kept)?;
                execute(&writer.connection, SWEEP_VALUES, [now.as_micros()]).map(drop)
            })
            .await
    }

    async fn take(
        &self,
        kind: &str,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let (kind, hash) = (kind.to_owned(), *hash);
        self.connections
            .write(move |writer| {
                let mut take = writer.connection.prepare_cached(TAKE).map_err(failed)?;
                let taken: Option<(Vec<u8>, bool)> = take
                    .query_row(params![kind, hash.as_bytes(), now.as_micros()], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .optional()
                    .map_err(failed)?;
                Ok(taken.and_then(|(value, in_time)| in_time.then_some(value)))
            })
            .await
    }

    async fn first_use(
        &self,
        kind: &str,
        id: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (kind, id) = (kind.to_owned(), id.to_owned());
        self.connections
            .write(move |writer| {
                let used = params![kind, id, until.as_micros(), now.as_micros()];
                let first = execute(&writer.connection, FIRST_USE, used)? > 0;
                execute(&writer.connection, SWEEP_USED, [now.as_micros()])?;
                Ok(first)
            })
            .await
    }
}
