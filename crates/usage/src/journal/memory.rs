//! The in-memory adapter: what the port means, for tests and for a gateway that may lose usage with its
//! process.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{JournalBatch, JournalEntry, JournalError, JournalLag, OpenEntry, Progress, UsageJournal};
use crate::ledger::UsageRecord;

/// A journal in this process's memory. What it holds dies with the process, so it never judges an open entry
/// and has no use for progress.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    books: Arc<Mutex<Books>>,
}

#[derive(Debug, Default)]
struct Books {
    open: u64,
    // Closed and not confirmed, oldest first; the first `handed` of them are on their way.
    waiting: VecDeque<UsageRecord>,
    handed: usize,
    // Batches on their way: mark and number of records.
    batches: VecDeque<(u64, usize)>,
    last_mark: u64,
}

#[derive(Debug)]
struct MemoryEntry {
    books: Arc<Mutex<Books>>,
    closed: AtomicBool,
}

impl UsageJournal for MemoryJournal {
    fn open(&self, _entry: &OpenEntry) -> Result<Box<dyn JournalEntry>, JournalError> {
        lock(&self.books).open += 1;
        Ok(Box::new(MemoryEntry {
            books: Arc::clone(&self.books),
            closed: AtomicBool::new(false),
        }))
    }

    fn next_batch(&self, max: usize) -> Result<JournalBatch, JournalError> {
        let books = &mut *lock(&self.books);
        let mut records: Vec<_> = books
            .waiting
            .iter()
            .skip(books.handed)
            .take(max)
            .cloned()
            .collect();
        books.handed += records.len();
        books.last_mark += 1;
        books.batches.push_back((books.last_mark, records.len()));
        let mut seen = HashSet::with_capacity(records.len());
        records.retain(|record| seen.insert(record.id));
        Ok(JournalBatch {
            records,
            mark: books.last_mark,
        })
    }

    fn confirm(&self, mark: u64) -> Result<(), JournalError> {
        let books = &mut *lock(&self.books);
        while let Some((_, count)) = books.batches.pop_front_if(|(earlier, _)| *earlier <= mark) {
            books.waiting.drain(..count);
            books.handed -= count;
        }
        Ok(())
    }

    fn rewind(&self) {
        let books = &mut *lock(&self.books);
        books.batches.clear();
        books.handed = 0;
    }

    fn lag(&self) -> JournalLag {
        let books = lock(&self.books);
        let records = u64::try_from(books.waiting.len()).unwrap_or(u64::MAX);
        let each = u64::try_from(size_of::<UsageRecord>()).unwrap_or(u64::MAX);
        JournalLag {
            records,
            open: books.open,
            bytes: (records + books.open).saturating_mul(each),
        }
    }
}

impl JournalEntry for MemoryEntry {
    fn progress(&self, _progress: &Progress) {}

    fn close(&self, record: &UsageRecord) {
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut books = lock(&self.books);
        books.open -= 1;
        books.waiting.push_back(record.clone());
    }
}

// Nothing in here panics while it holds the lock, so a poisoned one holds whole data.
fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::MemoryJournal;

    crate::usage_journal_contract!((Box::new(MemoryJournal::default()), ()));
}
