//! A request is noted when it opens and shipped when it was closed, as it was closed, once.

use llmgw_types::{Endpoint, Money, TargetId, TokenSource, TokenUsage};

use super::WORKS;
use super::fresh::{close, open_entry, seen, taken};
use crate::journal::UsageJournal;
use crate::ledger::contract::record;
use crate::ledger::{End, UsageRecord};

/// There is nothing to ship, and that is no error.
pub fn an_empty_journal_ships_nothing(journal: &dyn UsageJournal) {
    assert_eq!(taken(journal, 10), []);
}

/// All fields survive, present or absent, also odd text.
pub fn a_record_comes_back_as_it_was(journal: &dyn UsageJournal) {
    let name = |text: &str| text.parse().expect("a group's name");
    let full = UsageRecord {
        groups: vec![name("cn=a, ou=\"b\""), name("größe 'x' \\ %_"), name("🔑")],
        target: Some(target("http://büro:1/\"'\\")),
        streamed: true,
        status: 599,
        units: u64::MAX,
        ..record()
    };
    let bare = UsageRecord {
        groups: vec![],
        target: None,
        ttft_ms: None,
        status: 0,
        duration_ms: 0,
        ..record()
    };
    close(journal, &full);
    close(journal, &bare);
    assert_eq!(taken(journal, 10), [full, bare]);
}

/// Every endpoint, end and source is told apart.
pub fn every_word_a_record_can_hold_comes_back(journal: &dyn UsageJournal) {
    let mut records = Vec::new();
    records.extend(Endpoint::ALL.map(|endpoint| UsageRecord { endpoint, ..record() }));
    let ends = [End::Complete, End::ClientGone, End::UpstreamError, End::Crashed];
    records.extend(ends.map(|end| UsageRecord { end, ..record() }));
    let sources = [
        TokenSource::Reported,
        TokenSource::Counted,
        TokenSource::Estimated,
    ];
    records.extend(sources.map(|source| UsageRecord { source, ..record() }));
    records.iter().for_each(|record| close(journal, record));
    assert_eq!(taken(journal, 100), records);
}

/// Every number may be as large as its type.
pub fn the_largest_numbers_are_exact(journal: &dyn UsageJournal) {
    let records = [i64::MIN, i64::MAX].map(|nanos| UsageRecord {
        tokens: TokenUsage {
            prompt: u64::MAX,
            cached: u64::MAX,
            completion: u64::MAX,
            reasoning: u64::MAX,
        },
        cost: Money::from_nanos(nanos),
        status: u16::MAX,
        ttft_ms: Some(u32::MAX),
        duration_ms: u32::MAX,
        ..record()
    });
    records.iter().for_each(|record| close(journal, record));
    assert_eq!(taken(journal, 10), records);
}

/// What runs has no record yet.
pub fn an_open_request_is_not_shipped(journal: &dyn UsageJournal) {
    let (first, second) = (record(), record());
    let entry = journal.open(&open_entry(&first)).expect(WORKS);
    close(journal, &second);
    assert_eq!(taken(journal, 10), [second]);
    assert_eq!(taken(journal, 10), []);
    entry.close(&first);
    assert_eq!(taken(journal, 10), [first]);
}

/// It is judged when the process is gone, not before.
pub fn an_entry_dropped_without_a_close_stays_open(journal: &dyn UsageJournal) {
    drop(journal.open(&open_entry(&record())).expect(WORKS));
    assert_eq!(taken(journal, 10), []);
    assert_eq!(journal.lag().open, 1);
}

/// The first close counts, whatever a later one says.
pub fn a_second_close_is_ignored(journal: &dyn UsageJournal) {
    let first = record();
    let later = UsageRecord {
        status: 500,
        ..first.clone()
    };
    let entry = journal.open(&open_entry(&first)).expect(WORKS);
    entry.close(&first);
    entry.close(&later);
    entry.close(&first);
    assert_eq!((journal.lag().records, journal.lag().open), (1, 0));
    assert_eq!(taken(journal, 10), [first]);
    entry.close(&later);
    assert_eq!(taken(journal, 10), []);
}

/// However often it is noted, the record is what the close says.
pub fn progress_ships_nothing(journal: &dyn UsageJournal) {
    let record = record();
    let entry = journal.open(&open_entry(&record)).expect(WORKS);
    for completion in 0..100 {
        entry.progress(&seen(completion));
    }
    assert_eq!(taken(journal, 10), []);
    entry.close(&record);
    assert_eq!(taken(journal, 10), [record]);
}

/// A note that comes too late is no harm.
pub fn progress_after_the_close_changes_nothing(journal: &dyn UsageJournal) {
    let (first, second) = (record(), record());
    let entry = journal.open(&open_entry(&first)).expect(WORKS);
    entry.close(&first);
    entry.progress(&seen(7));
    close(journal, &second);
    entry.progress(&seen(8));
    assert_eq!(taken(journal, 10), [first, second]);
}

/// A request may be sent elsewhere than where it was to go first, to a place with the longest of names.
pub fn a_close_may_name_another_target(journal: &dyn UsageJournal) {
    let first = UsageRecord {
        target: None,
        ..record()
    };
    let entry = journal.open(&open_entry(&first)).expect(WORKS);
    let record = UsageRecord {
        target: Some(target(&"t".repeat(256))),
        ..first
    };
    entry.close(&record);
    assert_eq!(taken(journal, 10), [record]);
}

/// The journal takes what it is given.
pub fn a_close_may_be_longer_than_its_open_entry(journal: &dyn UsageJournal) {
    let first = UsageRecord {
        groups: vec![],
        ..record()
    };
    let entry = journal.open(&open_entry(&first)).expect(WORKS);
    let groups = (0..2_000)
        .map(|n| format!("a group with number {n}").parse().expect("a name"))
        .collect();
    let (record, next) = (UsageRecord { groups, ..first }, record());
    entry.close(&record);
    close(journal, &next);
    assert_eq!(taken(journal, 10), [record, next]);
}

/// A request ends where it ends.
pub fn an_entry_can_be_closed_by_another_thread(journal: &dyn UsageJournal) {
    let record = record();
    let entry = journal.open(&open_entry(&record)).expect(WORKS);
    std::thread::scope(|scope| {
        scope.spawn(|| entry.progress(&seen(1)));
        scope.spawn(|| entry.close(&record));
    });
    assert_eq!(taken(journal, 10), [record]);
}

fn target(text: &str) -> TargetId {
    TargetId::parse(text).expect("a target id")
}
