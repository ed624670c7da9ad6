//! [`UserStore`] in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_keys::{Page, User, UserStore};
use llmgw_types::{Revision, StoreError, Timestamp, UserId};
use rusqlite::{OptionalExtension, Params, Row, named_params};

use crate::columns::{get_json, get_optional_time, get_time, get_word, json, limit, word};
use crate::connections::{Connections, Session};
use crate::error::{failed, failed_to_keep, not_changed};

/// Users in a SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteUsers {
    connections: Arc<Connections>,
}

const INSERT: &str = "
    INSERT INTO users (id, name, external_id, mail, member_of, role, state, agreement, last_login_at, limits,
        created_at, revision)
    VALUES (:id, :name, :external_id, :mail, :member_of, :role, :state, :agreement, :last_login_at, :limits,
        :created_at, :revision)";

const UPDATE: &str = "
    UPDATE users SET name = :name, external_id = :external_id, mail = :mail, member_of = :member_of,
        role = :role, state = :state, agreement = :agreement, last_login_at = :last_login_at,
        limits = :limits, created_at = :created_at, revision = revision + 1
    WHERE id = :id AND revision = :revision";

const LIST: &str = "
    SELECT * FROM users
    WHERE id > ?1 AND (?3 IS NULL OR instr(lower(name), lower(?3)) OR instr(lower(coalesce(mail, '')), lower(?3)))
    ORDER BY id LIMIT ?2";

impl SqliteUsers {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }

    async fn find<P>(&self, text: &'static str, params: P) -> Result<Option<User>, StoreError>
    where
        P: Params + Send + 'static,
    {
        self.connections
            .read(move |connection| {
                connection
                    .prepare_cached(text)?
                    .query_row(params, read)
                    .optional()
            })
            .await
    }
}

#[async_trait]
impl UserStore for SqliteUsers {
    async fn insert(&self, user: &User) -> Result<(), StoreError> {
        let user = user.clone();
        self.connections
            .write(move |session| write(session, INSERT, &user).map(drop))
            .await
    }

    async fn get(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.find("SELECT * FROM users WHERE id = ?1", (*id.as_bytes(),))
            .await
    }

    async fn by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        self.find("SELECT * FROM users WHERE name = ?1", (name.to_owned(),))
            .await
    }

    async fn by_external_id(&self, external_id: &str) -> Result<Option<User>, StoreError> {
        self.find(
            "SELECT * FROM users WHERE external_id = ?1",
            (external_id.to_owned(),),
        )
        .await
    }

    async fn list(&self, search: Option<&str>, page: Page<UserId>) -> Result<Vec<User>, StoreError> {
        let search = search.map(str::to_owned);
        self.connections
            .read(move |connection| {
                // No id is before the empty blob.
                let after = page.after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
                let mut select = connection.prepare_cached(LIST)?;
                select
                    .query_map((after, limit(page.limit), search), read)?
                    .collect()
            })
            .await
    }

    async fn update(&self, user: &User) -> Result<(), StoreError> {
        let user = user.clone();
        self.connections
            .write(move |session| match write(session, UPDATE, &user)? {
                0 => Err(not_changed(
                    session,
                    "SELECT 1 FROM users WHERE id = ?1",
                    user.id.as_bytes(),
                    || format!("user {}", user.id),
                )),
                _ => Ok(()),
            })
            .await
    }
}

fn write(session: &Session, text: &str, user: &User) -> Result<usize, StoreError> {
    let (groups, limits) = (json(&user.groups)?, json(&user.limits)?);
    let (role, state) = (word(&user.role)?, word(&user.state)?);
    let mut statement = session.connection.prepare_cached(text).map_err(failed)?;
    statement
        .execute(named_params! {
            ":id": user.id.as_bytes(),
            ":name": user.name,
            ":external_id": user.external_id,
            ":mail": user.mail,
            ":member_of": groups,
            ":role": role,
            ":state": state,
            ":agreement": user.agreement,
            ":last_login_at": user.last_login_at.map(Timestamp::as_micros),
            ":limits": limits,
            ":created_at": user.created_at.as_micros(),
            ":revision": user.revision.number(),
        })
        .map_err(|error| failed_to_keep("a user with this id, name or external id", error))
}

fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId::from_bytes(row.get("id")?),
        name: row.get("name")?,
        external_id: row.get("external_id")?,
        mail: row.get("mail")?,
        groups: get_json(row, "member_of")?,
        role: get_word(row, "role")?,
        state: get_word(row, "state")?,
        agreement: row.get("agreement")?,
        last_login_at: get_optional_time(row, "last_login_at")?,
        limits: get_json(row, "limits")?,
        created_at: get_time(row, "created_at")?,
        revision: Revision::new(row.get("revision")?),
    })
}
