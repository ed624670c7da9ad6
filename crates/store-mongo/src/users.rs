//! [`UserStore`] in MongoDB.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_keys::{Page, User, UserStore};
use llmgw_types::{StoreError, UserId};
use mongodb::bson::{Document, doc};
use mongodb::{Collection, Database};

use crate::connection::Connection;
use crate::error::failed_to_keep;
use crate::fields::{get, get_optional_time, get_parsed, get_revision, get_uuid, time, to_bson, uuid};
use crate::reading::{first, not_changed, of_revision, page};

pub(crate) const USERS: &str = "users";

const TAKEN: &str = "a user with this id, name or external id";

/// Users in a MongoDB collection.
#[derive(Debug, Clone)]
pub struct MongoUsers {
    connection: Arc<Connection>,
}

impl MongoUsers {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    async fn find(&self, filter: Document) -> Result<Option<User>, StoreError> {
        let bound = self.connection.options().call_timeout;
        self.connection
            .call(move |database| async move { first(&users(&database), filter, bound, read).await })
            .await
    }
}

#[async_trait]
impl UserStore for MongoUsers {
    async fn insert(&self, user: &User) -> Result<(), StoreError> {
        let document = document(user)?;
        self.connection
            .call(|database| async move {
                let inserted = users(&database).insert_one(document).await;
                inserted.map(drop).map_err(|error| failed_to_keep(TAKEN, error))
            })
            .await
    }

    async fn get(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.find(doc! { "_id": uuid(id.as_bytes()) }).await
    }

    async fn by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        self.find(doc! { "name": name }).await
    }

    async fn by_external_id(&self, external_id: &str) -> Result<Option<User>, StoreError> {
        self.find(doc! { "external_id": external_id }).await
    }

    async fn list(&self, search: Option<&str>, of: Page<UserId>) -> Result<Vec<User>, StoreError> {
        let mut filter = Document::new();
        if let Some(search) = search {
            let pattern = doc! { "$regex": regex_syntax::escape(search), "$options": "i" };
            filter.insert(
                "$or",
                [doc! { "name": &pattern }, doc! { "mail": pattern }].to_vec(),
            );
        }
        if let Some(after) = of.after {
            filter.insert("_id", doc! { "$gt": uuid(after.as_bytes()) });
        }
        let bound = self.connection.options().call_timeout;
        self.connection
            .call(move |database| async move { page(&users(&database), filter, of.limit, bound, read).await })
            .await
    }

    async fn update(&self, user: &User) -> Result<(), StoreError> {
        let filter = of_revision(uuid(user.id.as_bytes()), user.revision);
        let new = document(&User {
            revision: user.revision.next(),
            ..user.clone()
        })?;
        let id = user.id;
        self.connection
            .call(move |database| async move {
                let replaced = users(&database).replace_one(filter, new).await;
                match replaced
                    .map_err(|error| failed_to_keep(TAKEN, error))?
                    .matched_count
                {
                    0 => Err(not_changed(&users(&database), uuid(id.as_bytes()), format!("user {id}")).await),
                    _ => Ok(()),
                }
            })
            .await
    }
}

fn users(database: &Database) -> Collection<Document> {
    database.collection(USERS)
}

fn document(user: &User) -> Result<Document, StoreError> {
    Ok(doc! {
        "_id": uuid(user.id.as_bytes()),
        "name": &user.name,
        "external_id": user.external_id.as_ref(),
        "mail": user.mail.as_ref(),
        "groups": to_bson(&user.groups)?,
        "role": to_bson(&user.role)?,
        "state": to_bson(&user.state)?,
        "agreement": user.agreement.as_ref(),
        "last_login_at": user.last_login_at.map(time),
        "limits": to_bson(&user.limits)?,
        "created_at": time(user.created_at),
        "revision": i64::from(user.revision.number()),
    })
}

fn read(document: &Document) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::from_bytes(get_uuid(document, "_id")?),
        name: get(document, "name")?,
        external_id: get(document, "external_id")?,
        mail: get(document, "mail")?,
        groups: get(document, "groups")?,
        role: get(document, "role")?,
        state: get(document, "state")?,
        agreement: get(document, "agreement")?,
        last_login_at: get_optional_time(document, "last_login_at")?,
        limits: get(document, "limits")?,
        created_at: get_parsed(document, "created_at")?,
        revision: get_revision(document)?,
    })
}
