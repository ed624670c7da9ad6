//! Where everything is kept: MongoDB (or a SQLite file) with Redis before it, and a journal of files.

use std::path::Path;
use std::sync::Arc;

use llmgw_boot::config::JournalWhenFull;
use llmgw_boot::{Failure, chain};
use llmgw_journal_file::FileJournal;
use llmgw_keys::{KeyStore, UserStore};
use llmgw_models::ModelCatalog;
use llmgw_store_mongo::MongoStore;
use llmgw_store_redis::{CachedKeys, CachedModels, CachedUsers, RedisStore};
use llmgw_store_sqlite::SqliteStore;
use llmgw_usage::journal::{OverflowJournal, UsageJournal};
use llmgw_usage::ledger::UsageLedger;

use super::kept_models::KeptModels;
use crate::checked::Lasting;
use crate::settings::Settings;

/// The last good list of models, in the journal's folder.
const CATALOG: &str = "catalog.json";

pub(super) struct Stores {
    pub(super) redis: RedisStore,
    pub(super) mongo: Option<MongoStore>,
    pub(super) keys: Arc<dyn KeyStore>,
    pub(super) users: Arc<dyn UserStore>,
    pub(super) models: Arc<dyn ModelCatalog>,
    pub(super) ledger: Arc<dyn UsageLedger>,
    pub(super) journal: Arc<dyn UsageJournal>,
}

impl Stores {
    pub(super) fn open(settings: &Settings, lasting: Lasting, redis: RedisStore) -> Result<Self, Failure> {
        let journal = journal(settings)?;
        let mut stores = match lasting {
            Lasting::Mongo(store) => Self {
                keys: Arc::new(store.keys()),
                users: Arc::new(store.users()),
                models: Arc::new(store.models()),
                ledger: Arc::new(store.ledger()),
                mongo: Some(store),
                journal,
                redis,
            },
            Lasting::Sqlite(options, path) => {
                let store = sqlite(&options, &path)?;
                Self {
                    keys: Arc::new(store.keys()),
                    users: Arc::new(store.users()),
                    models: Arc::new(store.models()),
                    ledger: Arc::new(store.ledger()),
                    mongo: None,
                    journal,
                    redis,
                }
            }
        };
        stores.put_caches_before(&settings.journal_dir().join(CATALOG));
        Ok(stores)
    }

    fn put_caches_before(&mut self, catalog: &Path) {
        let redis = || self.redis.clone();
        self.keys = Arc::new(CachedKeys::new(redis(), Arc::clone(&self.keys)));
        self.users = Arc::new(CachedUsers::new(redis(), Arc::clone(&self.users)));
        let models = CachedModels::new(redis(), Arc::clone(&self.models));
        self.models = Arc::new(KeptModels::new(Arc::new(models), catalog.to_owned()));
    }

    /// Those that may be away.
    pub(super) fn names(&self) -> &'static [&'static str] {
        match self.mongo {
            Some(_) => &["redis", "mongo"],
            None => &["redis"],
        }
    }
}

fn sqlite(options: &llmgw_store_sqlite::Options, path: &Path) -> Result<SqliteStore, Failure> {
    SqliteStore::open(path, options).map_err(|error| {
        Failure::configuration(format!(
            "store.path: cannot open {}: {}",
            path.display(),
            chain(&error)
        ))
    })
}

fn journal(settings: &Settings) -> Result<Arc<dyn UsageJournal>, Failure> {
    let dir = settings.journal_dir();
    let options = llmgw_journal_file::Options {
        max_bytes: settings.journal.max_size.map(|size| size.0 as u64),
    };
    let journal = FileJournal::open_dir(&dir, options).map_err(|error| {
        Failure::configuration(format!(
            "journal.dir: {}; name a folder that this user may write to",
            chain(&error)
        ))
    })?;
    Ok(match settings.journal.when_full {
        JournalWhenFull::Refuse => journal,
        JournalWhenFull::Allow => Arc::new(OverflowJournal::new(journal)),
    })
}
