//! The threads that read. They share one queue, so that a long report does not hold up what comes after it.

use std::sync::{Mutex, PoisonError};

use llmgw_types::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::failed;

pub(super) type Boxed = Box<dyn FnOnce(&mut Connection) + Send>;

pub(super) fn boxed<T, F>(work: F, reply: oneshot::Sender<Result<T, StoreError>>) -> Boxed
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
{
    Box::new(move |connection| {
        // Nobody waits for it any more.
        if reply.is_closed() {
            return;
        }
        // Dropping the transaction ends it; there is nothing to commit.
        let done = connection.transaction().and_then(|snapshot| work(&snapshot));
        let _ = reply.send(done.map_err(failed));
    })
}

pub(super) fn run(mut connection: Connection, queue: &Mutex<mpsc::Receiver<Boxed>>) {
    loop {
        // One thread waits for work, the other for the lock.
        let next = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        match next {
            Some(work) => work(&mut connection),
            None => return,
        }
    }
}
