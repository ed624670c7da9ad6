//! The threads the driver runs on, and the one way to it: every piece of work has a bound in time.
//!
//! The driver ties connections to the runtime that opened them. Were that one of the web server's workers, its
//! end would cut off everybody else.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use llmgw_types::StoreError;
use mongodb::Database;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::error::STORE;
use crate::start::{Started, prepared, reached};
use crate::{Options, StartError};

// One would do but for the work of packing large batches, during which others should not wait.
const THREADS: usize = 2;

/// The driver. Dropping it leaves unfinished work unfinished.
pub(crate) struct Connection {
    // Always there until it is dropped.
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    started: OnceCell<Started>,
    prepared: OnceCell<()>,
}

impl Connection {
    /// Touches no network.
    pub(crate) fn open(options: &Options) -> Result<Self, StartError> {
        crate::client::connection_string(options)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("mongo")
            .enable_all()
            .build()
            .map_err(|error| StoreError::unavailable(STORE, error))?;
        Ok(Self {
            runtime: Some(runtime),
            shared: Arc::new(Shared {
                options: options.clone(),
                started: OnceCell::new(),
                prepared: OnceCell::new(),
            }),
        })
    }

    pub(crate) fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Reaches the server and prepares the database.
    pub(crate) async fn prepare(&self) -> Result<(), StartError> {
        let bound = self.options().append_timeout;
        self.bounded(bound, |shared| async move { shared.database().await.map(drop) })
            .await
    }

    /// Runs `work` on a database that is prepared. It runs to its end or for `bound`, also when the caller no
    /// longer waits for it.
    pub(crate) async fn run<T, W, F>(&self, bound: Duration, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(Database) -> F + Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.bounded(bound, |shared| async move {
            let database = shared.database().await.map_err(StoreError::from)?;
            work(database).await
        })
        .await
    }

    /// The same with the bound on a call.
    pub(crate) async fn call<T, W, F>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(Database) -> F + Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.run(self.options().call_timeout, work).await
    }

    async fn bounded<T, E, W, F>(&self, bound: Duration, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(Arc<Shared>) -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let ended = |why: String| E::from(StoreError::unavailable(STORE, why));
        let Some(runtime) = &self.runtime else {
            return Err(ended("it was closed".to_owned()));
        };
        let shared = Arc::clone(&self.shared);
        match runtime
            .spawn(async move { timeout(bound, work(shared)).await })
            .await
        {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(ended(format!("no answer within {bound:?}"))),
            Err(_) => Err(ended("its task has ended".to_owned())),
        }
    }
}

impl Shared {
    // Whoever comes first does it for all. Nothing is done before: without its unique indexes a collection
    // would take what it must refuse.
    async fn database(&self) -> Result<Database, StartError> {
        let started = self.started.get_or_try_init(|| reached(&self.options)).await?;
        self.prepared
            .get_or_try_init(|| prepared(started, &self.options))
            .await?;
        Ok(started.database.clone())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The last handle may be dropped on a thread that must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("database", &self.options().database)
            .finish_non_exhaustive()
    }
}
