//! Where everything is kept: MongoDB (or a SQLite file) with Redis before it, and a journal of files.

use std::path::Path;
use std::sync::Arc;

use llmgw_boot::config::JournalWhenFull;
use llmgw_boot::{Failure, chain};
use llmgw_journal_file::FileJournal;
use llmgw_keys::{KeyStore, UserStore};
use llmgw_models::{AnswerPlaces, ModelCatalog};
use llmgw_store_mongo::MongoStore;
use llmgw_store_redis::{CachedKeys, CachedModels, CachedUsers, RedisAnswers, RedisStore};
use llmgw_stores::Lasting;
use llmgw_usage::admission::LimitStore;
use llmgw_usage::journal::{OverflowJournal, UsageJournal};
use llmgw_usage::ledger::UsageLedger;

use super::kept::{KeptLimits, KeptModels};
use crate::settings::Settings;

/// The last good list of models, in the journal's folder.
const CATALOG: &str = "catalog.json";

/// The limits that administrators set, there too.
const LIMITS: &str = "limits.json";

pub(super) struct Stores {
    pub(super) redis: RedisStore,
    pub(super) mongo: Option<MongoStore>,
    pub(super) keys: Arc<dyn KeyStore>,
    pub(super) users: Arc<dyn UserStore>,
    pub(super) models: Arc<dyn ModelCatalog>,
    pub(super) answers: Arc<dyn AnswerPlaces>,
    pub(super) limits: Arc<dyn LimitStore>,
    pub(super) ledger: Arc<dyn UsageLedger>,
    pub(super) journal: Arc<dyn UsageJournal>,
}

impl Stores {
    pub(super) fn open(settings: &Settings, lasting: Lasting, redis: RedisStore) -> Result<Self, Failure> {
        let journal = journal(settings)?;
        let kept = lasting
            .open()
            .map_err(|fault| Failure::configuration(fault.to_string()))?;
        let mut stores = Self {
            answers: Arc::new(RedisAnswers::new(redis.clone())),
            redis,
            mongo: kept.mongo,
            keys: kept.keys,
            users: kept.users,
            models: kept.models,
            limits: kept.limits,
            ledger: kept.ledger,
            journal,
        };
        stores.put_caches_before(&settings.journal_dir());
        Ok(stores)
    }

    fn put_caches_before(&mut self, kept: &Path) {
        let redis = || self.redis.clone();
        self.keys = Arc::new(CachedKeys::new(redis(), Arc::clone(&self.keys)));
        self.users = Arc::new(CachedUsers::new(redis(), Arc::clone(&self.users)));
        let models = CachedModels::new(redis(), Arc::clone(&self.models));
        self.models = Arc::new(KeptModels::new(Arc::new(models), kept.join(CATALOG)));
        self.limits = Arc::new(KeptLimits::new(Arc::clone(&self.limits), kept.join(LIMITS)));
    }

    /// Those that may be away.
    pub(super) fn names(&self) -> &'static [&'static str] {
        match self.mongo {
            Some(_) => &["redis", "mongo"],
            None => &["redis"],
        }
    }
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
