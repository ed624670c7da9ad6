//! Where keys, users, models, the ledger and the audit log last: MongoDB or a SQLite file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use llmgw_audit::AuditLog;
use llmgw_boot::config::{Fault, MongoSection, ReportsSection, StoreKind, StoreSection};
use llmgw_boot::{OsEntropy, chain};
use llmgw_keys::{KeyStore, UserStore};
use llmgw_models::ModelCatalog;
use llmgw_sessions::SessionStore;
use llmgw_store_mongo::{MongoStore, StartError};
use llmgw_store_sqlite::SqliteStore;
use llmgw_types::random;
use llmgw_usage::admission::LimitStore;
use llmgw_usage::ledger::UsageLedger;

use crate::key_or_file;

/// How long a call on a key, user or model may take: a request waits for it.
const MONGO_CALL: Duration = Duration::from_secs(2);

/// Where what lasts is.
#[derive(Debug)]
pub enum Lasting {
    /// In MongoDB, which was not yet asked anything.
    Mongo(MongoStore),
    /// In this SQLite file, which was not yet opened.
    Sqlite(llmgw_store_sqlite::Options, PathBuf),
}

/// The ports of what lasts.
pub struct Kept {
    /// API keys.
    pub keys: Arc<dyn KeyStore>,
    /// Their owners.
    pub users: Arc<dyn UserStore>,
    /// Models.
    pub models: Arc<dyn ModelCatalog>,
    /// Limits that administrators set.
    pub limits: Arc<dyn LimitStore>,
    /// Usage.
    pub ledger: Arc<dyn UsageLedger>,
    /// Who changed what.
    pub audit: Arc<dyn AuditLog>,
    /// Logins, where they are kept there: in a SQLite file.
    pub sessions: Option<Arc<dyn SessionStore>>,
    /// MongoDB, where it is that.
    pub mongo: Option<MongoStore>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Lasting {
    /// What the settings say.
    ///
    /// # Errors
    /// When they make no sense.
    pub fn of(store: &StoreSection, mongo: &MongoSection, reports: &ReportsSection) -> Result<Self, Fault> {
        let reports_timezone = jiff::tz::TimeZone::get(&reports.timezone.0)
            .map_err(|error| Fault::new("reports.timezone", error.to_string()))?;
        match (store.kind, &store.path) {
            (StoreKind::Mongo, _) => open_mongo(mongo, reports_timezone).map(Self::Mongo),
            (StoreKind::Sqlite, Some(path)) => {
                let options = llmgw_store_sqlite::Options {
                    reports_timezone,
                    ..llmgw_store_sqlite::Options::default()
                };
                Ok(Self::Sqlite(options, path.clone()))
            }
            (StoreKind::Sqlite, None) => {
                let what = "sqlite needs a file; set store.path to its path";
                Err(Fault::new("store.kind", what))
            }
        }
    }

    /// Its ports. A SQLite file is opened, and made where there is none.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(self) -> Result<Kept, Fault> {
        Ok(match self {
            Self::Mongo(store) => Kept {
                keys: Arc::new(store.keys()),
                users: Arc::new(store.users()),
                models: Arc::new(store.models()),
                limits: Arc::new(store.limits()),
                ledger: Arc::new(store.ledger()),
                audit: Arc::new(store.audit()),
                sessions: None,
                mongo: Some(store),
            },
            Self::Sqlite(options, path) => {
                let store = open_sqlite(&options, &path)?;
                Kept {
                    keys: Arc::new(store.keys()),
                    users: Arc::new(store.users()),
                    models: Arc::new(store.models()),
                    limits: Arc::new(store.limits()),
                    ledger: Arc::new(store.ledger()),
                    audit: Arc::new(store.audit()),
                    sessions: Some(Arc::new(store.sessions())),
                    mongo: None,
                }
            }
        })
    }
}

fn open_sqlite(options: &llmgw_store_sqlite::Options, path: &Path) -> Result<SqliteStore, Fault> {
    SqliteStore::open(path, options).map_err(|error| {
        let what = format!("cannot open {}: {}", path.display(), chain(&error));
        Fault::new("store.path", what)
    })
}

fn open_mongo(mongo: &MongoSection, reports_timezone: jiff::tz::TimeZone) -> Result<MongoStore, Fault> {
    if let Some(file) = &mongo.tls_ca_file {
        check_readable("mongo.tls_ca_file", file)?;
    }
    let options = llmgw_store_mongo::Options {
        user: mongo.user.clone(),
        password: mongo.secret()?,
        tls_ca_file: mongo.tls_ca_file.clone(),
        retention: mongo.retention.0,
        reports_timezone,
        // Replicas that take different ones never wait for each other.
        slot: random::<1>(&OsEntropy)[0],
        call_timeout: MONGO_CALL,
        ..llmgw_store_mongo::Options::new(mongo.address()?, &mongo.database)
    };
    MongoStore::open(&options).map_err(|error| match error {
        StartError::NoUser => {
            let name = key_or_file("mongo.password", mongo.password_file.is_some());
            Fault::new(name, "there is no user; set mongo.user as well")
        }
        other => Fault::new(
            key_or_file("mongo.url", mongo.url_file.is_some()),
            other.to_string(),
        ),
    })
}

fn check_readable(key: &str, file: &Path) -> Result<(), Fault> {
    match std::fs::read(file) {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::new(
            key,
            format!(
                "cannot read {}: {error}; make the file readable for this user, or name another",
                file.display()
            ),
        )),
    }
}
