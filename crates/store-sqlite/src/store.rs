//! The file and the adapters over it.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use llmgw_types::StoreError;

use crate::connections::Connections;
use crate::error::STORE;
use crate::{
    SqliteAnswers, SqliteAudit, SqliteKeys, SqliteLedger, SqliteLimits, SqliteModels, SqliteOneTime,
    SqliteSessions, SqliteUsers,
};

/// How a file is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where reports by day begin their days (`reports.timezone`).
    pub reports_timezone: TimeZone,
    /// How long to wait for another process that writes the same file.
    pub busy_timeout: Duration,
}

impl Default for Options {
    /// Days in UTC, five seconds for another process.
    fn default() -> Self {
        Self {
            reports_timezone: TimeZone::UTC,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

/// One SQLite file. It and its adapters are handles over the same threads; when the last of them is dropped,
/// that drop waits until all queued work is done and the file is closed.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    connections: Arc<Connections>,
}

impl SqliteStore {
    /// Opens the file at `path`, makes it (readable by its owner only) where there is none, and brings its
    /// schema up to date. Blocks: call it before serving.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be opened or written, [`StoreError::Corrupt`] when it
    /// is no SQLite file or was made by a newer version of this program.
    pub fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        make_private(path).map_err(|error| StoreError::unavailable(STORE, named(path, &error)))?;
        // An absolute path is never taken for one of SQLite's special names.
        let path = path
            .canonicalize()
            .map_err(|error| StoreError::unavailable(STORE, named(path, &error)))?;
        Ok(Self {
            connections: Arc::new(Connections::open(&path, options)?),
        })
    }

    /// How often keys, users or models were changed so far, by whichever process. Notes of their use do not count.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn changes(&self) -> Result<u64, StoreError> {
        self.connections
            .read(|connection| {
                let number: i64 = connection
                    .prepare_cached("SELECT number FROM changes")?
                    .query_row([], |row| row.get(0))?;
                Ok(number.unsigned_abs())
            })
            .await
    }

    /// Where keys are kept.
    #[must_use]
    pub fn keys(&self) -> SqliteKeys {
        SqliteKeys::new(Arc::clone(&self.connections))
    }

    /// Where users are kept.
    #[must_use]
    pub fn users(&self) -> SqliteUsers {
        SqliteUsers::new(Arc::clone(&self.connections))
    }

    /// Where models are kept.
    #[must_use]
    pub fn models(&self) -> SqliteModels {
        SqliteModels::new(Arc::clone(&self.connections))
    }

    /// Where limits that administrators set are kept.
    #[must_use]
    pub fn limits(&self) -> SqliteLimits {
        SqliteLimits::new(Arc::clone(&self.connections))
    }

    /// Where usage records are kept.
    #[must_use]
    pub fn ledger(&self) -> SqliteLedger {
        SqliteLedger::new(Arc::clone(&self.connections))
    }

    /// Where web sessions are kept.
    #[must_use]
    pub fn sessions(&self) -> SqliteSessions {
        SqliteSessions::new(Arc::clone(&self.connections))
    }

    /// Where values that can be taken once, and used ids are kept.
    #[must_use]
    pub fn one_time(&self) -> SqliteOneTime {
        SqliteOneTime::new(Arc::clone(&self.connections))
    }

    /// Where it is remembered which target keeps which answer.
    #[must_use]
    pub fn answers(&self) -> SqliteAnswers {
        SqliteAnswers::new(Arc::clone(&self.connections))
    }

    /// Where audit entries are kept.
    #[must_use]
    pub fn audit(&self) -> SqliteAudit {
        SqliteAudit::new(Arc::clone(&self.connections))
    }
}

// SQLite gives its side files the mode of the main file. A file that is there keeps the mode its owner chose.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        opened => opened.map(drop),
    }
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
