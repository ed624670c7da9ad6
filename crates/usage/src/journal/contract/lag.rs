//! How much waits.

use super::WORKS;
use super::fresh::{closed, open_entry, taken};
use crate::journal::UsageJournal;
use crate::ledger::contract::record;

/// Neither records nor requests.
pub fn an_empty_journal_has_no_lag(journal: &dyn UsageJournal) {
    let lag = journal.lag();
    assert_eq!((lag.records, lag.open), (0, 0));
}

/// From open to close.
pub fn open_requests_are_counted(journal: &dyn UsageJournal) {
    let records = [record(), record(), record()];
    let entries = records
        .each_ref()
        .map(|record| journal.open(&open_entry(record)).expect(WORKS));
    assert_eq!((journal.lag().records, journal.lag().open), (0, 3));
    for (closed, (entry, record)) in (1..).zip(entries.iter().zip(&records)) {
        entry.close(record);
        assert_eq!((journal.lag().records, journal.lag().open), (closed, 3 - closed));
    }
}

/// Not only until they are handed out.
pub fn records_count_until_they_are_confirmed(journal: &dyn UsageJournal) {
    closed(journal, 5);
    assert_eq!(journal.lag().records, 5);
    let batch = journal.next_batch(2).expect(WORKS);
    assert_eq!(journal.lag().records, 5);
    journal.confirm(batch.mark).expect(WORKS);
    assert_eq!(journal.lag().records, 3);
    taken(journal, 10);
    journal.rewind();
    assert_eq!(journal.lag().records, 3);
}

/// An open request takes some, a closed one too.
pub fn what_waits_takes_bytes(journal: &dyn UsageJournal) {
    let record = record();
    let entry = journal.open(&open_entry(&record)).expect(WORKS);
    assert!(journal.lag().bytes > 0);
    entry.close(&record);
    assert!(journal.lag().bytes > 0);
}
