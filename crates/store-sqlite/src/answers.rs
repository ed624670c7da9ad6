//! [`AnswerPlaces`] in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_models::{AnswerPlace, AnswerPlaces};
use llmgw_types::{StoreError, Timestamp, UserId};
use rusqlite::{OptionalExtension, params};

use crate::columns::get_parsed;
use crate::connections::{Connections, execute};

/// Where answers are, in a SQLite file. Each new one lets go of some that are over.
#[derive(Debug, Clone)]
pub struct SqliteAnswers {
    connections: Arc<Connections>,
}

const PUT: &str = "
    INSERT INTO answers (user_id, id, model, target, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT DO UPDATE SET model = excluded.model, target = excluded.target, expires_at = excluded.expires_at";

const FIND: &str = "SELECT model, target FROM answers WHERE user_id = ?1 AND id = ?2 AND expires_at > ?3";

const SWEEP: &str = "
    DELETE FROM answers WHERE (user_id, id) IN
        (SELECT user_id, id FROM answers WHERE expires_at <= ?1 ORDER BY expires_at LIMIT 16)";

impl SqliteAnswers {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }
}

#[async_trait]
impl AnswerPlaces for SqliteAnswers {
    async fn put(
        &self,
        user: UserId,
        answer: &str,
        place: &AnswerPlace,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (answer, place) = (answer.to_owned(), place.clone());
        self.connections
            .write(move |writer| {
                let connection = &writer.connection;
                let (model, target) = (place.model.as_str(), place.target.as_str());
                let row = params![user.as_bytes(), answer, model, target, until.as_micros()];
                execute(connection, PUT, row)?;
                execute(connection, SWEEP, [now.as_micros()]).map(drop)
            })
            .await
    }

    async fn get(
        &self,
        user: UserId,
        answer: &str,
        now: Timestamp,
    ) -> Result<Option<AnswerPlace>, StoreError> {
        let answer = answer.to_owned();
        self.connections
            .read(move |connection| {
                let wanted = params![user.as_bytes(), answer, now.as_micros()];
                connection
                    .prepare_cached(FIND)?
                    .query_row(wanted, |row| {
                        Ok(AnswerPlace {
                            model: get_parsed(row, "model")?,
                            target: get_parsed(row, "target")?,
                        })
                    })
                    .optional()
            })
            .await
    }

    async fn remove(&self, user: UserId, answer: &str) -> Result<(), StoreError> {
        let answer = answer.to_owned();
        let text = "DELETE FROM answers WHERE user_id = ?1 AND id = ?2";
        self.connections
            .write(move |writer| {
                execute(&writer.connection, text, params![user.as_bytes(), answer]).map(drop)
            })
            .await
    }
}
