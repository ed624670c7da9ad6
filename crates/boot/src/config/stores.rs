//! Sections of the stores that several gateways share, and of keys.

use std::path::PathBuf;
use std::time::Duration;

use llmgw_types::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::secret::{Fault, read, secret};
use super::values::{Keep, Span, StoreUrl, Text};

/// What holds keys, users, models and the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// MongoDB, for any number of gateways.
    #[default]
    Mongo,
    /// One SQLite file, for the gateways of one machine.
    Sqlite,
}

/// `[store]`: what lasts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// Where.
    pub kind: StoreKind,
    /// The file, where it is SQLite.
    pub path: Option<PathBuf>,
}

/// `[redis]`: limits, caches, and news of changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisSection {
    /// Where it is.
    pub url: StoreUrl,
    /// A file that holds that.
    pub url_file: Option<PathBuf>,
    /// The user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Text>,
    /// A file that holds it.
    pub password_file: Option<PathBuf>,
    /// The certificate authority, in PEM form.
    pub ca_file: Option<PathBuf>,
    /// Further nodes of a Redis Cluster.
    pub cluster: Vec<StoreUrl>,
    /// Connections that calls share.
    pub connections: usize,
    /// What the names of all keys begin with.
    pub prefix: String,
    /// How long one call may take.
    pub call_timeout: Span,
}

impl Default for RedisSection {
    fn default() -> Self {
        Self {
            url: StoreUrl("redis://127.0.0.1:6379/0".to_owned()),
            url_file: None,
            username: None,
            password: None,
            password_file: None,
            ca_file: None,
            cluster: Vec::new(),
            connections: 4,
            prefix: "llmgw".to_owned(),
            call_timeout: Span(Duration::from_millis(50)),
        }
    }
}

impl RedisSection {
    /// Where it is.
    ///
    /// # Errors
    /// When both ways are used or the file cannot be read.
    pub fn address(&self) -> Result<SecretString, Fault> {
        let default = Self::default().url;
        address("redis.url", &self.url, self.url_file.as_ref(), &default)
    }

    /// The password, where one is set.
    ///
    /// # Errors
    /// When both ways are used or the file cannot be read.
    pub fn secret(&self) -> Result<Option<SecretString>, Fault> {
        let value = self.password.as_ref().map(|text| &*text.0);
        secret("redis.password", value, self.password_file.as_deref())
    }

    /// The certificate authority, in PEM form, where one is set.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn authority(&self) -> Result<Option<String>, Fault> {
        let file = self.ca_file.as_ref();
        let text = file.map(|file| read("redis.ca_file", file)).transpose()?;
        Ok(text.map(|text| text.expose_secret().to_owned()))
    }
}

/// `[mongo]`: keys, users, models, and the ledger.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MongoSection {
    /// Where it is.
    pub url: StoreUrl,
    /// A file that holds that.
    pub url_file: Option<PathBuf>,
    /// The database.
    pub database: String,
    /// The user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Text>,
    /// A file that holds it.
    pub password_file: Option<PathBuf>,
    /// The certificate authority, in PEM form.
    pub tls_ca_file: Option<PathBuf>,
    /// How long single usage records are kept.
    pub retention: Keep,
}

impl Default for MongoSection {
    fn default() -> Self {
        Self {
            url: StoreUrl("mongodb://127.0.0.1:27017/?replicaSet=rs0".to_owned()),
            url_file: None,
            database: "llmgw".to_owned(),
            user: None,
            password: None,
            password_file: None,
            tls_ca_file: None,
            retention: Keep(Some(Duration::from_hours(400 * 24))),
        }
    }
}

impl MongoSection {
    /// Where it is.
    ///
    /// # Errors
    /// When both ways are used or the file cannot be read.
    pub fn address(&self) -> Result<SecretString, Fault> {
        let default = Self::default().url;
        address("mongo.url", &self.url, self.url_file.as_ref(), &default)
    }

    /// The password, where one is set.
    ///
    /// # Errors
    /// When both ways are used or the file cannot be read.
    pub fn secret(&self) -> Result<Option<SecretString>, Fault> {
        let value = self.password.as_ref().map(|text| &*text.0);
        secret("mongo.password", value, self.password_file.as_deref())
    }
}

/// `[keys]`: API keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeysSection {
    /// What keys are hashed under.
    pub pepper: Option<Text>,
    /// A file that holds it; further lines are older peppers.
    pub pepper_file: Option<PathBuf>,
    /// Keys that a person may have.
    pub max_per_user: usize,
}

impl Default for KeysSection {
    fn default() -> Self {
        Self {
            pepper: None,
            pepper_file: None,
            max_per_user: 10,
        }
    }
}

impl KeysSection {
    /// The text of the peppers: one per line, the newest first.
    ///
    /// # Errors
    /// When there is none, both ways are used, or the file cannot be read.
    pub fn peppers(&self) -> Result<SecretString, Fault> {
        let value = self.pepper.as_ref().map(|text| &*text.0);
        let found = secret("keys.pepper", value, self.pepper_file.as_deref())?;
        found.ok_or_else(|| Fault::new("keys.pepper_file", NO_PEPPER))
    }
}

const NO_PEPPER: &str = "keys are hashed under a pepper, and there is none; make one with \
                         `head -c 33 /dev/urandom | base64 > pepper`, set keys.pepper_file to that file, and back \
                         it up: without it no key works any more";

// A file goes before the default and not before a value that somebody set.
fn address(
    key: &str,
    url: &StoreUrl,
    file: Option<&PathBuf>,
    default: &StoreUrl,
) -> Result<SecretString, Fault> {
    let set = (file.is_none() || url != default).then_some(&*url.0);
    let found = secret(key, set, file.map(PathBuf::as_path))?;
    found.ok_or_else(|| Fault::new(key, "it is not set; set it to the address of the server"))
}
