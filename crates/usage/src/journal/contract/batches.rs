//! Records are handed out once, oldest first, until they are confirmed; and again after a rewind.

use super::WORKS;
use super::fresh::{close, closed, ids, taken};
use crate::journal::UsageJournal;
use crate::ledger::UsageRecord;
use crate::ledger::contract::record;

/// Not in the next batch, and not in any.
pub fn nothing_is_handed_out_twice(journal: &dyn UsageJournal) {
    let records = closed(journal, 5);
    assert_eq!(taken(journal, 10), records);
    for _ in 0..3 {
        assert_eq!(taken(journal, 10), []);
    }
}

/// In the order in which they were closed.
pub fn records_are_oldest_first(journal: &dyn UsageJournal) {
    let records = closed(journal, 50);
    let mut shipped = taken(journal, 20);
    shipped.extend(taken(journal, 20));
    shipped.extend(taken(journal, 20));
    assert_eq!(ids(&shipped), ids(&records));
}

/// A few more than `max` are allowed, all of them are not.
pub fn max_is_kept(journal: &dyn UsageJournal) {
    closed(journal, 100);
    let batch = taken(journal, 10);
    assert!((1..=20).contains(&batch.len()), "{}", batch.len());
}

/// Nothing asked for, nothing lost.
pub fn a_batch_of_none_takes_nothing(journal: &dyn UsageJournal) {
    let records = closed(journal, 2);
    assert_eq!(taken(journal, 0), []);
    assert_eq!(taken(journal, 10), records);
}

/// Batches go on where the last one ended.
pub fn what_is_closed_later_comes_later(journal: &dyn UsageJournal) {
    for count in 1..5 {
        let records = closed(journal, count);
        assert_eq!(taken(journal, 10), records);
    }
}

/// Everything that was not confirmed, in the same order.
pub fn a_rewind_hands_out_again(journal: &dyn UsageJournal) {
    let records = closed(journal, 5);
    for _ in 0..3 {
        assert_eq!(taken(journal, 3), records[..3]);
        assert_eq!(taken(journal, 1), records[3..4]);
        journal.rewind();
    }
    assert_eq!(taken(journal, 10), records);
}

/// Nothing that was confirmed.
pub fn a_rewind_keeps_what_is_confirmed(journal: &dyn UsageJournal) {
    let records = closed(journal, 6);
    let batch = journal.next_batch(2).expect(WORKS);
    taken(journal, 2);
    journal.confirm(batch.mark).expect(WORKS);
    journal.rewind();
    assert_eq!(taken(journal, 10), records[2..]);
}

/// Nothing was handed out: nothing comes twice.
pub fn a_rewind_of_nothing_is_nothing(journal: &dyn UsageJournal) {
    journal.rewind();
    let records = closed(journal, 2);
    journal.rewind();
    assert_eq!(taken(journal, 10), records);
    assert_eq!(taken(journal, 10), []);
}

/// It never comes again, and what comes after it does.
pub fn a_confirmed_batch_is_gone(journal: &dyn UsageJournal) {
    closed(journal, 4);
    let batch = journal.next_batch(10).expect(WORKS);
    journal.confirm(batch.mark).expect(WORKS);
    journal.rewind();
    assert_eq!(taken(journal, 10), []);
    let later = closed(journal, 1);
    assert_eq!(taken(journal, 10), later);
}

/// A ledger may take several batches before it says so.
pub fn a_mark_confirms_the_batches_before_it(journal: &dyn UsageJournal) {
    let records = closed(journal, 6);
    taken(journal, 2);
    let second = journal.next_batch(2).expect(WORKS);
    taken(journal, 1);
    journal.confirm(second.mark).expect(WORKS);
    assert_eq!(journal.lag().records, 2);
    journal.rewind();
    assert_eq!(taken(journal, 10), records[4..]);
}

/// A mark is used up when it was confirmed.
pub fn confirming_again_changes_nothing(journal: &dyn UsageJournal) {
    let records = closed(journal, 4);
    let first = journal.next_batch(2).expect(WORKS);
    journal.confirm(first.mark).expect(WORKS);
    taken(journal, 1);
    journal.confirm(first.mark).expect(WORKS);
    assert_eq!(journal.lag().records, 2);
    journal.rewind();
    assert_eq!(taken(journal, 10), records[2..]);
}

/// Whatever it does to its own batch, records that were not in it come.
pub fn a_mark_from_before_a_rewind_loses_nothing(journal: &dyn UsageJournal) {
    let records = closed(journal, 6);
    let before = journal.next_batch(2).expect(WORKS);
    journal.rewind();
    let again = taken(journal, 4);
    assert_eq!(again, records[..4]);
    journal.confirm(before.mark).expect(WORKS);
    journal.rewind();
    let rest = ids(&taken(journal, 10));
    for record in &records[2..] {
        assert!(rest.contains(&record.id));
    }
}

/// A ledger need not look for twins within a batch.
pub fn an_id_stands_once_in_a_batch(journal: &dyn UsageJournal) {
    let first = record();
    let twin = UsageRecord {
        status: 500,
        ..first.clone()
    };
    let other = record();
    for record in [&first, &twin, &other] {
        close(journal, record);
    }
    let batch = journal.next_batch(10).expect(WORKS);
    assert_eq!(
        batch
            .records
            .iter()
            .filter(|record| record.id == first.id)
            .count(),
        1
    );
    assert_eq!(batch.records[0], first);
    journal.confirm(batch.mark).expect(WORKS);
}

/// More than fits into memory or a file at once.
pub fn many_records_come_in_many_batches(journal: &dyn UsageJournal) {
    let records = closed(journal, 5_000);
    let mut shipped = Vec::new();
    loop {
        let batch = journal.next_batch(700).expect(WORKS);
        if batch.records.is_empty() {
            break;
        }
        shipped.extend(ids(&batch.records));
        journal.confirm(batch.mark).expect(WORKS);
    }
    assert_eq!(shipped, ids(&records));
    assert_eq!(journal.lag().records, 0);
}
