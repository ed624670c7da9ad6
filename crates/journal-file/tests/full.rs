//! No room: new requests are refused, those already open end well, and confirming makes room.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and skips loudly"
)]

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use llmgw_journal_file::{FileJournal, Options};
use llmgw_types::GroupName;
use llmgw_usage::journal::contract::{close, open_entry, seen};
use llmgw_usage::journal::{JournalEntry, JournalError, UsageJournal};
use llmgw_usage::ledger::UsageRecord;
use llmgw_usage::ledger::contract::record;
use tempfile::TempDir;

const MAX: u64 = 512 << 10;

fn limited() -> (Arc<FileJournal>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let journal = FileJournal::open_dir(dir.path(), Options { max_bytes: Some(MAX) }).unwrap();
    (journal, dir)
}

// Opens requests until there is no room.
fn fill(journal: &FileJournal) -> Vec<(UsageRecord, Box<dyn JournalEntry>)> {
    let mut requests = Vec::new();
    loop {
        let record = record();
        match journal.open(&open_entry(&record)) {
            Ok(entry) => requests.push((record, entry)),
            Err(JournalError::Full(_)) => return requests,
            Err(error) => unreachable!("{error:?}"),
        }
        assert!(requests.len() < 100_000);
    }
}

fn ship_all(journal: &FileJournal) -> Vec<UsageRecord> {
    let mut shipped = Vec::new();
    loop {
        let batch = journal.next_batch(300).unwrap();
        if batch.records.is_empty() {
            return shipped;
        }
        journal.confirm(batch.mark).unwrap();
        shipped.extend(batch.records);
    }
}

fn end_all(requests: Vec<(UsageRecord, Box<dyn JournalEntry>)>) -> Vec<UsageRecord> {
    let end = |(record, entry): (UsageRecord, Box<dyn JournalEntry>)| {
        (1..4).for_each(|note| entry.progress(&seen(note)));
        entry.close(&record);
        record
    };
    requests.into_iter().map(end).collect()
}

#[test]
fn requests_opened_before_it_was_full_end_well() {
    let (journal, dir) = limited();
    let requests = fill(&journal);
    assert!(requests.len() > 200, "{}", requests.len());
    let lag = journal.lag();
    assert_eq!(lag.open, requests.len() as u64);
    assert!(lag.bytes <= MAX);
    let records = end_all(requests);
    assert_eq!(journal.lag().bytes, lag.bytes);
    // They are in the files, not only in memory.
    drop(journal);
    let journal = FileJournal::open_dir(dir.path(), Options::default()).unwrap();
    assert_eq!(ship_all(&journal), records);
}

#[test]
fn confirming_makes_room_again_and_again() {
    let (journal, _dir) = limited();
    let mut counts = Vec::new();
    for _ in 0..20 {
        let requests = fill(&journal);
        counts.push(requests.len());
        let records = end_all(requests);
        assert_eq!(ship_all(&journal), records);
    }
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}

#[test]
fn a_stream_of_requests_never_fills_a_journal_that_is_shipped() {
    let (journal, _dir) = limited();
    for _ in 0..100 {
        (0..50).for_each(|_| close(&*journal, &record()));
        assert_eq!(ship_all(&journal).len(), 50);
    }
}

#[test]
fn room_held_by_another_worker_that_rests_is_taken_back() {
    let (journal, _dir) = limited();
    std::thread::scope(|scope| {
        scope
            .spawn(|| ship(&journal, &end_all(fill(&journal))))
            .join()
            .unwrap();
        scope
            .spawn(|| ship(&journal, &end_all(fill(&journal))))
            .join()
            .unwrap();
    });
    let requests = fill(&journal);
    assert!(requests.len() > 200, "{}", requests.len());
}

#[test]
fn room_held_by_workers_that_do_little_is_taken_back() {
    let (journal, _dir) = limited();
    // Each worker's segment takes room, and too little of it to be worth removing for its own sake.
    for _ in 0..64 {
        std::thread::scope(|scope| scope.spawn(|| close(&*journal, &record())).join().unwrap());
        assert_eq!(ship_all(&journal).len(), 1);
    }
    let (fresh, _other) = limited();
    assert!(journal.lag().bytes > MAX / 4);
    assert!(fill(&journal).len() * 10 > fill(&fresh).len() * 9);
}

fn ship(journal: &FileJournal, records: &[UsageRecord]) {
    assert!(records.len() > 200, "{}", records.len());
    assert_eq!(ship_all(journal), records);
}

#[test]
fn a_refused_request_leaves_no_trace() {
    let (journal, dir) = limited();
    let requests = fill(&journal);
    let before = journal.lag();
    for _ in 0..10 {
        assert!(matches!(
            journal.open(&open_entry(&record())),
            Err(JournalError::Full(_))
        ));
    }
    assert_eq!(journal.lag(), before);
    let opened = requests.len();
    drop((requests, journal));
    let journal = FileJournal::open_dir(dir.path(), Options::default()).unwrap();
    assert_eq!(ship_all(&journal).len(), opened);
}

#[test]
fn a_record_there_is_no_room_for_waits_in_memory() {
    let (journal, _dir) = limited();
    let (plain, entry) = { fill(&journal).swap_remove(0) };
    let groups = many_groups();
    let long = UsageRecord { groups, ..plain };
    let open = journal.lag().open;
    entry.close(&long);
    assert_eq!((journal.lag().records, journal.lag().open), (1, open - 1));
    for _ in 0..2 {
        assert_eq!(
            journal.next_batch(10).unwrap().records,
            std::slice::from_ref(&long)
        );
        assert!(journal.next_batch(10).unwrap().records.is_empty());
        journal.rewind();
    }
    assert_eq!(ship_all(&journal), [long]);
    assert_eq!(journal.lag().records, 0);
}

#[test]
fn a_record_lost_with_memory_counts_as_crashed() {
    let (journal, dir) = limited();
    let mut requests = fill(&journal);
    let (plain, entry) = requests.remove(0);
    entry.progress(&seen(3));
    let others = end_all(requests);
    assert_eq!(ship_all(&journal), others);
    let later = fill(&journal);
    entry.close(&UsageRecord {
        groups: many_groups(),
        ..plain.clone()
    });
    // Nothing else waits in its segment, and room is short: the open frame must stay all the same.
    assert!(journal.open(&open_entry(&record())).is_err());
    drop((entry, later, journal));
    let journal = FileJournal::open_dir(dir.path(), Options::default()).unwrap();
    let crashed = open_entry(&plain).crashed(Some(&seen(3)));
    assert!(ship_all(&journal).contains(&crashed));
}

fn many_groups() -> Vec<GroupName> {
    (0..5_000)
        .map(|n| format!("group {n}").parse().unwrap())
        .collect()
}

// A file system of its own, which is full when it is full.
struct Small(TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=1m,mode=700", "none"])
            .arg(dir.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("SKIPPED: a small file system cannot be mounted; it takes root");
        }
        mounted.then_some(Self(dir))
    }

    // Takes all room that is left.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.path().join("filler")).unwrap();
        while file.write_all(&[1; 512]).is_ok() {}
        assert!(std::fs::write(self.0.path().join("more"), "x").is_err());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn path(small: &Small) -> &Path {
    small.0.path()
}

#[test]
fn a_full_disk_refuses_new_requests_and_ends_old_ones() {
    let Some(small) = Small::mount() else { return };
    let journal = FileJournal::open_dir(path(&small), Options::default()).unwrap();
    let requests = fill(&journal);
    assert!(requests.len() > 200, "{}", requests.len());
    small.fill();
    let records = end_all(requests);
    drop(journal);
    std::fs::remove_file(path(&small).join("filler")).unwrap();
    let journal = FileJournal::open_dir(path(&small), Options::default()).unwrap();
    assert_eq!(ship_all(&journal), records);
    assert!(fill(&journal).len() > 200);
    drop(journal);
}
