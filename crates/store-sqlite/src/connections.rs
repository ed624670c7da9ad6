//! The threads that own the connections: one that writes, a few that read. Nothing else in this crate runs
//! SQL, and callers wait without holding a thread.

mod readers;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use jiff::tz::TimeZone;
use llmgw_types::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags, Params};
use tokio::sync::{mpsc, oneshot};

use crate::Options;
use crate::error::{STORE, failed};
use crate::ledger::register_day_start;
pub(crate) use writer::Session;

const READERS: usize = 2;
// Callers beyond this wait; each waiting append holds a batch in memory.
const QUEUE: usize = 256;
const STATEMENTS: usize = 64;
// Five seconds in all.
const MODE_ATTEMPTS: usize = 1_000;
const MODE_PAUSE: Duration = Duration::from_millis(5);

/// The queues to the threads. Dropping it ends them after what is queued.
#[derive(Debug)]
pub(crate) struct Connections {
    writes: Option<mpsc::Sender<writer::Boxed>>,
    reads: Option<mpsc::Sender<readers::Boxed>>,
    writer: Option<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
}

impl Connections {
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let session = Session::new(open_writer(path, options).map_err(failed)?)?;
        let (writes, write_queue) = mpsc::channel(QUEUE);
        let writer = spawn("sqlite-write", move || writer::run(session, write_queue))?;
        let (reads, read_queue) = mpsc::channel(QUEUE);
        let read_queue = Arc::new(Mutex::new(read_queue));
        let mut connections = Self {
            writes: Some(writes),
            reads: Some(reads),
            writer: Some(writer),
            readers: Vec::new(),
        };
        for _ in 0..READERS {
            let connection = open_reader(path, options).map_err(failed)?;
            let queue = Arc::clone(&read_queue);
            connections
                .readers
                .push(spawn("sqlite-read", move || readers::run(connection, &queue))?);
        }
        Ok(connections)
    }

    /// Runs `work` on the writing thread, all of it or, when it fails, nothing. When this returns `Ok`, the
    /// disk has it. Once queued it runs, also when the caller does not wait for it.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let queue = self.writes.as_ref().ok_or_else(gone)?;
        queue.send(writer::boxed(work, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Runs `work` on a reading thread, over one snapshot of the file.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let queue = self.reads.as_ref().ok_or_else(gone)?;
        queue
            .send(readers::boxed(work, reply))
            .await
            .map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        // Readers first: the last connection to close folds the side files into the main file, and only one
        // that may write can.
        self.reads = None;
        self.writes = None;
        for thread in self.readers.drain(..).chain(self.writer.take()) {
            // A thread that died has answered its callers by dropping their replies.
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|error| StoreError::unavailable(STORE, error))
}

// Of several who open a new file at once one changes its mode, and SQLite does not wait for that by itself: its busy
// timeout does not hold here.
#[expect(
    clippy::disallowed_methods,
    reason = "a file is opened before anything is served, and nobody else needs this thread"
)]
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    for _ in 0..MODE_ATTEMPTS {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                std::thread::sleep(MODE_PAUSE);
            }
            done => return done,
        }
    }
    connection.pragma_update(None, "journal_mode", "WAL")
}

fn open_writer(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    prepare(&connection, options)?;
    write_ahead(&connection)?;
    // A power cut must not take back what was confirmed: the journal forgets records once they are in here,
    // and a revoked key must stay revoked. With NORMAL, WAL may lose the last transactions. FULL costs one
    // fsync per transaction, which records share by the hundred and small writes by grouping.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn open_reader(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    prepare(&connection, options)?;
    register_day_start(&connection, TimeZone::clone(&options.reports_timezone))?;
    Ok(connection)
}

fn prepare(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

fn gone() -> StoreError {
    StoreError::unavailable(STORE, "its thread has ended")
}

/// Runs one statement; returns how many rows it changed.
pub(crate) fn execute(connection: &Connection, text: &str, params: impl Params) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(text).map_err(failed)?;
    statement.execute(params).map_err(failed)
}

#[cfg(test)]
mod tests;
