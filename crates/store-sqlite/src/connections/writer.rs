//! The thread that writes.

use llmgw_types::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::{STORE, failed};
use crate::ledger::Dimensions;
use crate::migrations::migrate;

// As many pieces of work as share one transaction, and so one fsync, when they come faster than the disk.
const GROUP: usize = 32;

/// What work on the writing thread has at hand.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    pub(crate) dimensions: Dimensions,
}

/// A piece of work and who waits for it.
pub(super) trait Job: Send {
    /// Does the work; the transaction is the caller's.
    fn run(&mut self, session: &mut Session);
    /// Answers, once it is known whether the transaction was committed.
    fn answer(self: Box<Self>, committed: &Result<(), String>);
}

pub(super) type Boxed = Box<dyn Job>;

struct Work<T, F> {
    work: Option<F>,
    done: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

pub(super) fn boxed<T, F>(work: F, reply: oneshot::Sender<Result<T, StoreError>>) -> Boxed
where
    T: Send + 'static,
    F: FnOnce(&mut Session) -> Result<T, StoreError> + Send + 'static,
{
    Box::new(Work {
        work: Some(work),
        done: None,
        reply,
    })
}

impl<T, F> Job for Work<T, F>
where
    T: Send,
    F: FnOnce(&mut Session) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, session: &mut Session) {
        if let Some(work) = self.work.take() {
            self.done = Some(session.all_or_nothing(work));
        }
    }

    fn answer(self: Box<Self>, committed: &Result<(), String>) {
        let answer = match (self.done, committed) {
            (Some(Err(own)), _) => Err(own),
            (Some(done), Ok(())) => done,
            (_, Err(reason)) => Err(StoreError::unavailable(STORE, reason.as_str())),
            (None, Ok(())) => Err(StoreError::unavailable(STORE, "the work was not done")),
        };
        // The caller may have gone.
        let _ = self.reply.send(answer);
    }
}

/// Works until every queue's other end is dropped and the queue is empty.
pub(super) fn run(mut session: Session, mut queue: mpsc::Receiver<Boxed>) {
    while let Some(first) = queue.blocking_recv() {
        let mut jobs = vec![first];
        let committed = session.group(&mut jobs, &mut queue);
        for job in jobs {
            job.answer(&committed);
        }
    }
}

impl Session {
    pub(super) fn new(mut connection: Connection) -> Result<Self, StoreError> {
        migrate(&mut connection)?;
        Ok(Self {
            connection,
            dimensions: Dimensions::default(),
        })
    }

    /// Runs the first of `jobs` and what else is queued in one transaction. They end up in `jobs`.
    fn group(&mut self, jobs: &mut Vec<Boxed>, queue: &mut mpsc::Receiver<Boxed>) -> Result<(), String> {
        let committed = self.transaction(jobs, queue);
        if committed.is_err() {
            // It may have been rolled back already; then this fails, and nothing is lost.
            let _ = self.connection.execute_batch("ROLLBACK");
            self.dimensions.forget();
        }
        committed
    }

    fn transaction(
        &mut self,
        jobs: &mut Vec<Boxed>,
        queue: &mut mpsc::Receiver<Boxed>,
    ) -> Result<(), String> {
        self.connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(|error| error.to_string())?;
        let mut next = 0;
        while let Some(job) = jobs.get_mut(next) {
            job.run(self);
            // A full disk ends the whole transaction, not only the statement that met it.
            if self.connection.is_autocommit() {
                return Err("the transaction was rolled back".to_owned());
            }
            next += 1;
            if jobs.len() < GROUP {
                jobs.extend(queue.try_recv().ok());
            }
        }
        self.connection
            .execute_batch("COMMIT")
            .map_err(|error| error.to_string())
    }

    fn all_or_nothing<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.connection.execute_batch("SAVEPOINT job").map_err(failed)?;
        let done = work(self);
        if done.is_err() {
            // Fails when the whole transaction was rolled back, which undid the work as well.
            let _ = self.connection.execute_batch("ROLLBACK TO job");
            self.dimensions.forget();
        }
        let released = self.connection.execute_batch("RELEASE job").map_err(failed);
        done.and_then(|value| released.map(|()| value))
    }
}
