//! Where everything is kept: a SQLite file, a journal of files, limits in memory.

use std::sync::Arc;

use llmgw_boot::config::JournalWhenFull;
use llmgw_boot::{Failure, chain};
use llmgw_journal_file::FileJournal;
use llmgw_keys::{KeyStore, UserStore};
use llmgw_models::{AnswerPlaces, ModelCatalog};
use llmgw_store_sqlite::SqliteStore;
use llmgw_usage::admission::{AdmissionStore, Calendar, LimitStore, MemoryAdmission};
use llmgw_usage::journal::{OverflowJournal, UsageJournal};
use llmgw_usage::ledger::UsageLedger;

use crate::data_dir::DataDir;
use crate::settings::Settings;

pub(super) struct Stores {
    /// What holds the next six.
    pub(super) file: SqliteStore,
    pub(super) keys: Arc<dyn KeyStore>,
    pub(super) users: Arc<dyn UserStore>,
    pub(super) models: Arc<dyn ModelCatalog>,
    pub(super) answers: Arc<dyn AnswerPlaces>,
    pub(super) limits: Arc<dyn LimitStore>,
    pub(super) ledger: Arc<dyn UsageLedger>,
    pub(super) journal: Arc<dyn UsageJournal>,
    pub(super) admission: Arc<dyn AdmissionStore>,
    pub(super) calendar: Calendar,
}

impl Stores {
    pub(super) fn open(settings: &Settings, data: &DataDir) -> Result<Self, Failure> {
        let calendar = Calendar::named(&settings.limits.timezone.0)
            .map_err(|error| Failure::configuration(format!("limits.timezone: {error}")))?;
        let store = sqlite(settings, data)?;
        Ok(Self {
            keys: Arc::new(store.keys()),
            users: Arc::new(store.users()),
            models: Arc::new(store.models()),
            answers: Arc::new(store.answers()),
            limits: Arc::new(store.limits()),
            ledger: Arc::new(store.ledger()),
            journal: journal(settings, data)?,
            admission: Arc::new(MemoryAdmission::unready(calendar.clone())),
            calendar,
            file: store,
        })
    }
}

fn sqlite(settings: &Settings, data: &DataDir) -> Result<SqliteStore, Failure> {
    let reports_timezone = jiff::tz::TimeZone::get(&settings.reports.timezone.0)
        .map_err(|error| Failure::configuration(format!("reports.timezone: {error}")))?;
    let options = llmgw_store_sqlite::Options {
        reports_timezone,
        ..llmgw_store_sqlite::Options::default()
    };
    let path = data.store();
    let store = SqliteStore::open(&path, &options)
        .map_err(|error| format!("cannot open {}: {}", path.display(), chain(&error)))?;
    Ok(store)
}

fn journal(settings: &Settings, data: &DataDir) -> Result<Arc<dyn UsageJournal>, Failure> {
    let dir = settings.journal.dir.clone().unwrap_or_else(|| data.journal());
    let options = llmgw_journal_file::Options {
        max_bytes: settings.journal.max_size.map(|size| size.0 as u64),
    };
    let journal = FileJournal::open_dir(&dir, options)
        .map_err(|error| format!("cannot open the journal in {}: {}", dir.display(), chain(&error)))?;
    Ok(match settings.journal.when_full {
        JournalWhenFull::Refuse => journal,
        JournalWhenFull::Allow => Arc::new(OverflowJournal::new(journal)),
    })
}
