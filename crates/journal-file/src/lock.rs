//! Locks that a panic elsewhere cannot take away: a journal goes on.

use std::sync::{Mutex, MutexGuard, PoisonError};

// Whoever holds one of our locks changes the data behind it only after everything that can fail.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
