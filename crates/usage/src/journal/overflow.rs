//! What `journal.when_full = "allow"` means: where a journal has no room, memory takes the note.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::{JournalBatch, JournalEntry, JournalError, JournalLag, MemoryJournal, OpenEntry, UsageJournal};

/// A journal that never says [`JournalError::Full`]. What it keeps in memory is shipped like everything else, and
/// is lost only if this process dies before.
pub struct OverflowJournal {
    journal: Arc<dyn UsageJournal>,
    memory: MemoryJournal,
    handed: Mutex<Handed>,
}

#[derive(Debug, Default)]
struct Handed {
    last_mark: u64,
    // Batches on their way: our mark, whether memory gave it, and its mark there.
    batches: VecDeque<(u64, bool, u64)>,
}

impl std::fmt::Debug for OverflowJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OverflowJournal")
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

impl OverflowJournal {
    /// Takes what `journal` has no room for.
    #[must_use]
    pub fn new(journal: Arc<dyn UsageJournal>) -> Self {
        Self {
            journal,
            memory: MemoryJournal::default(),
            handed: Mutex::default(),
        }
    }
}

impl UsageJournal for OverflowJournal {
    fn open(&self, entry: &OpenEntry) -> Result<Box<dyn JournalEntry>, JournalError> {
        match self.journal.open(entry) {
            Err(JournalError::Full(_)) => self.memory.open(entry),
            opened => opened,
        }
    }

    fn next_batch(&self, max: usize) -> Result<JournalBatch, JournalError> {
        let handed = &mut *self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = self.journal.next_batch(max)?;
        let from_memory = batch.records.is_empty();
        if from_memory {
            self.journal.confirm(batch.mark)?;
            batch = self.memory.next_batch(max)?;
        }
        handed.last_mark += 1;
        handed
            .batches
            .push_back((handed.last_mark, from_memory, batch.mark));
        Ok(JournalBatch {
            mark: handed.last_mark,
            ..batch
        })
    }

    fn confirm(&self, mark: u64) -> Result<(), JournalError> {
        let handed = &mut *self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, from_memory, inner)) =
            handed.batches.pop_front_if(|(earlier, ..)| *earlier <= mark)
        {
            if from_memory {
                self.memory.confirm(inner)?;
            } else {
                self.journal.confirm(inner)?;
            }
        }
        Ok(())
    }

    fn rewind(&self) {
        let handed = &mut *self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        handed.batches.clear();
        self.journal.rewind();
        self.memory.rewind();
    }

    fn lag(&self) -> JournalLag {
        let (files, memory) = (self.journal.lag(), self.memory.lag());
        JournalLag {
            records: files.records + memory.records,
            open: files.open + memory.open,
            bytes: files.bytes + memory.bytes,
        }
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;
    use crate::journal::contract::close;

    /// A journal that has no room for anything.
    struct NoRoom;

    impl UsageJournal for NoRoom {
        fn open(&self, _: &OpenEntry) -> Result<Box<dyn JournalEntry>, JournalError> {
            Err(JournalError::Full(std::io::ErrorKind::StorageFull.into()))
        }

        fn next_batch(&self, _: usize) -> Result<JournalBatch, JournalError> {
            Ok(JournalBatch {
                records: vec![],
                mark: 0,
            })
        }

        fn confirm(&self, _: u64) -> Result<(), JournalError> {
            Ok(())
        }

        fn rewind(&self) {}

        fn lag(&self) -> JournalLag {
            JournalLag::default()
        }
    }

    mod over_a_full_one {
        use super::*;

        crate::usage_journal_contract!((Box::new(OverflowJournal::new(Arc::new(NoRoom))), ()));
    }

    #[test]
    fn what_has_no_room_is_shipped_all_the_same() {
        let journal = OverflowJournal::new(Arc::new(NoRoom));
        let record = crate::ledger::contract::record();
        close(&journal, &record);
        assert_eq!(journal.lag().records, 1);
        let batch = journal.next_batch(9).unwrap();
        assert_eq!(batch.records, [record]);
        journal.confirm(batch.mark).unwrap();
        assert_eq!(journal.lag().records, 0);
    }
}
