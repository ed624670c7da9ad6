//! One transaction at a majority, tried until it is known to be done.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use async_trait::async_trait;
use llmgw_types::StoreError;
use mongodb::options::{ReadConcern, ReadPreference, SelectionCriteria, TransactionOptions, WriteConcern};
use mongodb::{ClientSession, Database};
use tokio::time::{Instant, sleep, timeout_at};

use crate::error::{STORE, failed, is_unknown_commit, may_pass};

const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// An attempt that takes this long talks to a server that is gone without a word.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(10);

/// What is done in a transaction.
#[async_trait]
pub(crate) trait Work: Sync {
    /// What comes of it.
    type Done;

    /// Does it, in the transaction that `session` is in. May be called again after an earlier attempt whose
    /// outcome nobody knows, and has to find out by itself what that one did.
    async fn attempt(&self, database: &Database, session: &mut ClientSession) -> Result<Self::Done, Failure>;
}

/// Why an attempt failed.
pub(crate) enum Failure {
    /// The driver's reason, by which it is decided whether to try again.
    Driver(mongodb::error::Error),
    /// Trying again does not help.
    Ours(StoreError),
}

impl From<mongodb::error::Error> for Failure {
    fn from(error: mongodb::error::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Ours(error)
    }
}

/// Runs `work` in a transaction and commits it; for at most `bound`, each time anew.
pub(crate) async fn run<W: Work>(
    database: &Database,
    bound: Duration,
    work: &W,
) -> Result<W::Done, StoreError> {
    let deadline = Instant::now() + bound;
    let mut pause = FIRST_PAUSE;
    loop {
        let end = deadline.min(Instant::now() + LONGEST_ATTEMPT);
        let (error, again) = match timeout_at(end, attempt(database, end, work)).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(Failure::Ours(error))) => return Err(error),
            Ok(Err(Failure::Driver(error))) => {
                let again = may_pass(&error) || is_unknown_commit(&error);
                (failed(error), again)
            }
            Err(_) => (
                StoreError::unavailable(STORE, "no answer within a transaction"),
                true,
            ),
        };
        let wait = jittered(pause);
        if !again || Instant::now() + wait >= deadline {
            return Err(error);
        }
        sleep(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn attempt<W: Work>(database: &Database, end: Instant, work: &W) -> Result<W::Done, Failure> {
    let mut session = database.client().start_session().await?;
    session.start_transaction().with_options(options()).await?;
    let done = match work.attempt(database, &mut session).await {
        Ok(done) => done,
        Err(failure) => {
            // What matters is why it failed. An abort that fails as well is done by the server's own timeout.
            let _ = session.abort_transaction().await;
            return Err(failure);
        }
    };
    commit(&mut session, end).await?;
    Ok(done)
}

/// Committing again is safe: the server knows the transaction by its number and does it once.
async fn commit(session: &mut ClientSession, end: Instant) -> Result<(), Failure> {
    let mut pause = FIRST_PAUSE;
    loop {
        match session.commit_transaction().await {
            Err(error) if is_unknown_commit(&error) && Instant::now() + pause < end => {
                sleep(jittered(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            committed => return Ok(committed?),
        }
    }
}

// A snapshot that is committed at a majority read only what no failover takes back: an id that was found there
// stays there.
fn options() -> TransactionOptions {
    TransactionOptions::builder()
        .read_concern(ReadConcern::snapshot())
        .write_concern(WriteConcern::majority())
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .max_commit_time(LONGEST_ATTEMPT)
        .build()
}

// Between half and all of it: those who met once should not meet again. Every `RandomState` hashes differently.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 1_000;
    pause / 2 + pause * u32::try_from(random).unwrap_or_default() / 2_000
}
