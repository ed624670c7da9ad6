//! The database of the system that is replaced. Nothing is written there.

use std::time::Duration;

use llmgw_boot::Failure;
use llmgw_types::{ExposeSecret, SecretString};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{ClientOptions, ReadConcern};
use mongodb::{Client, Cursor, Database};

/// How long it may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What it kept.
const COLLECTIONS: [&str; 4] = ["apikeys", "users", "logs", "model"];

/// Rows that are fetched at once.
const AT_ONCE: u32 = 2_000;

/// The database.
pub(super) struct Source {
    database: Database,
}

/// A key as it was kept there.
pub(super) struct LegacyKey {
    pub(super) user: Option<String>,
    pub(super) text: Option<String>,
    pub(super) name: Option<String>,
    pub(super) active: bool,
}

/// A model as it was kept there.
pub(super) struct LegacyModel {
    pub(super) id: Option<String>,
    pub(super) owned_by: Option<String>,
    pub(super) path: Option<String>,
}

impl Source {
    /// Looks whether there is anything to import.
    pub(super) async fn open(uri: &SecretString, name: &str) -> Result<Self, Failure> {
        // The error may repeat the address, which holds a password.
        let options = ClientOptions::parse(uri.expose_secret()).await;
        let mut options = options.map_err(|_| {
            Failure::from(
                "--mongo: is no address of a MongoDB; write mongodb://user:password@host/".to_owned(),
            )
        })?;
        options.server_selection_timeout = Some(ANSWER_WITHIN);
        options.read_concern = Some(ReadConcern::local());
        options.app_name = Some("llm-gateway-admin import-legacy".to_owned());
        let client = Client::with_options(options).map_err(failed)?;
        let database = client.database(name);
        let there = database.list_collection_names().await.map_err(failed)?;
        if !COLLECTIONS
            .iter()
            .any(|wanted| there.iter().any(|name| name == wanted))
        {
            return Err(format!(
                "--database: there is none of {} in `{name}`; name the database of the system that is replaced",
                COLLECTIONS.join(", ")
            )
            .into());
        }
        Ok(Self { database })
    }

    pub(super) async fn keys(&self) -> Result<Vec<LegacyKey>, Failure> {
        let all = self.all("apikeys").await?;
        let key = |document: Document| LegacyKey {
            user: text(&document, "user"),
            text: text(&document, "key"),
            name: text(&document, "name"),
            active: is_active(document.get("active")),
        };
        Ok(all.into_iter().map(key).collect())
    }

    /// The names of all users.
    pub(super) async fn users(&self) -> Result<Vec<String>, Failure> {
        let all = self.all("users").await?;
        Ok(all
            .iter()
            .map(|user| text(user, "username").unwrap_or_default())
            .collect())
    }

    pub(super) async fn models(&self) -> Result<Vec<LegacyModel>, Failure> {
        let all = self.all("model").await?;
        let model = |document: Document| {
            let data = document.get_document("data").cloned().unwrap_or_default();
            LegacyModel {
                id: text(&data, "id"),
                owned_by: text(&data, "owned_by"),
                path: text(&document, "path"),
            }
        };
        Ok(all.into_iter().map(model).collect())
    }

    /// All rows of usage, in the order in which they were written.
    pub(super) async fn logs(&self) -> Result<Cursor<Document>, Failure> {
        let logs = self.database.collection::<Document>("logs");
        logs.find(doc! {})
            .sort(doc! { "_id": 1 })
            .batch_size(AT_ONCE)
            .no_cursor_timeout(true)
            .await
            .map_err(failed)
    }

    async fn all(&self, collection: &str) -> Result<Vec<Document>, Failure> {
        let found = self.database.collection::<Document>(collection);
        let mut cursor = found
            .find(doc! {})
            .sort(doc! { "_id": 1 })
            .await
            .map_err(failed)?;
        let mut all = Vec::new();
        while cursor.advance().await.map_err(failed)? {
            all.push(cursor.deserialize_current().map_err(failed)?);
        }
        Ok(all)
    }
}

/// The text of a field.
pub(super) fn text(document: &Document, field: &str) -> Option<String> {
    match document.get(field)? {
        Bson::String(text) => Some(text.clone()),
        // A name of digits that some script wrote as a number.
        Bson::Int32(number) => Some(number.to_string()),
        Bson::Int64(number) => Some(number.to_string()),
        _ => None,
    }
}

// Who did not say so meant an active one.
fn is_active(value: Option<&Bson>) -> bool {
    match value {
        Some(Bson::Boolean(active)) => *active,
        Some(Bson::Int32(active)) => *active != 0,
        Some(Bson::String(active)) => active != "false",
        _ => true,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form of map_err")]
pub(super) fn failed(error: mongodb::error::Error) -> Failure {
    // Its kind alone: an address that it repeats may hold a password.
    let kind = match *error.kind {
        mongodb::error::ErrorKind::Authentication { .. } => "it refuses the user or the password".to_owned(),
        mongodb::error::ErrorKind::ServerSelection { .. } => {
            format!("no server answers within {ANSWER_WITHIN:?}; is the address right?")
        }
        mongodb::error::ErrorKind::Command(ref command) => command.message.clone(),
        _ => "the connection failed".to_owned(),
    };
    format!("--mongo: cannot read there: {kind}").into()
}
