//! The store and the five adapters over it.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::connection::Connection;
use crate::{MongoAudit, MongoKeys, MongoLedger, MongoLimits, MongoModels, MongoUsers, Options, StartError};

/// One database. It and its adapters are handles over the same threads and connections, which end with the last
/// of them.
#[derive(Debug, Clone)]
pub struct MongoStore {
    connection: Arc<Connection>,
    appends: Arc<Mutex<()>>,
}

impl MongoStore {
    /// A store that reaches for the server at its first use. A gateway can start while MongoDB is away; calls
    /// fail until it is there.
    ///
    /// # Errors
    /// [`StartError::BadUrl`] and [`StartError::NoUser`]; [`StartError::Store`] when no thread can be started.
    pub fn open(options: &Options) -> Result<Self, StartError> {
        Ok(Self {
            connection: Arc::new(Connection::open(options)?),
            appends: Arc::default(),
        })
    }

    /// [Opens](Self::open) and [prepares](Self::prepare) a store.
    ///
    /// # Errors
    /// Those of both.
    pub async fn connect(options: &Options) -> Result<Self, StartError> {
        let store = Self::open(options)?;
        store.prepare().await?;
        Ok(store)
    }

    /// Reaches the server, refuses one without transactions, and makes what indexes are missing; the first call
    /// does it otherwise. Any number of processes may do so at once.
    ///
    /// # Errors
    /// [`StartError::Standalone`], [`StartError::Uninitiated`], [`StartError::TooOld`],
    /// [`StartError::NewerLayout`]; [`StartError::Store`] when the server cannot be reached or does not let us in.
    pub async fn prepare(&self) -> Result<(), StartError> {
        self.connection.prepare().await
    }

    /// Where keys are kept.
    #[must_use]
    pub fn keys(&self) -> MongoKeys {
        MongoKeys::new(Arc::clone(&self.connection))
    }

    /// Where users are kept.
    #[must_use]
    pub fn users(&self) -> MongoUsers {
        MongoUsers::new(Arc::clone(&self.connection))
    }

    /// Where models are kept.
    #[must_use]
    pub fn models(&self) -> MongoModels {
        MongoModels::new(Arc::clone(&self.connection))
    }

    /// Where limits that administrators set are kept.
    #[must_use]
    pub fn limits(&self) -> MongoLimits {
        MongoLimits::new(Arc::clone(&self.connection))
    }

    /// Where usage records are kept.
    #[must_use]
    pub fn ledger(&self) -> MongoLedger {
        MongoLedger::new(Arc::clone(&self.connection), Arc::clone(&self.appends))
    }

    /// Where audit entries are kept.
    #[must_use]
    pub fn audit(&self) -> MongoAudit {
        MongoAudit::new(Arc::clone(&self.connection))
    }
}
