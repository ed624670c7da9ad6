//! What one process leaves, the next takes over: all of it, once, and nothing of a process that lives.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};

use llmgw_journal_file::{FileJournal, Options};
use llmgw_types::RequestId;
use llmgw_usage::journal::contract::{close, open_entry, seen};
use llmgw_usage::journal::{Progress, UsageJournal};
use llmgw_usage::ledger::contract::record;
use llmgw_usage::ledger::{End, UsageRecord};

fn open(dir: &Path) -> Arc<FileJournal> {
    FileJournal::open_dir(dir, Options::default()).unwrap()
}

fn next(journal: &FileJournal) -> Vec<UsageRecord> {
    journal.next_batch(100_000).unwrap().records
}

fn ship(journal: &FileJournal) -> Vec<UsageRecord> {
    let batch = journal.next_batch(100_000).unwrap();
    journal.confirm(batch.mark).unwrap();
    batch.records
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.is_dir());
    paths
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let files = folders(dir)
        .into_iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    paths
}

#[test]
fn records_that_wait_are_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let records: Vec<_> = (0..100).map(|_| record()).collect();
    let journal = open(dir.path());
    records.iter().for_each(|record| close(&*journal, record));
    drop(journal);
    let journal = open(dir.path());
    assert_eq!(journal.lag().records, 100);
    assert_eq!(next(&journal), records);
    assert!(next(&journal).is_empty());
    journal.rewind();
    assert_eq!(ship(&journal), records);
    assert_eq!((journal.lag().records, journal.lag().bytes), (0, 0));
    drop(journal);
    assert!(folders(dir.path()).is_empty());
    assert!(next(&open(dir.path())).is_empty());
}

#[test]
fn what_was_open_is_judged_by_what_was_last_seen() {
    let dir = tempfile::tempdir().unwrap();
    let records = [record(), record(), record()];
    let journal = open(dir.path());
    let entries = records
        .each_ref()
        .map(|record| journal.open(&open_entry(record)).unwrap());
    (1..=5).for_each(|note| entries[1].progress(&seen(note)));
    let ended = Progress {
        ended: true,
        ..seen(9)
    };
    entries[2].progress(&ended);
    drop((entries, journal));

    let journal = open(dir.path());
    assert_eq!((journal.lag().records, journal.lag().open), (3, 0));
    let judged = ship(&journal);
    let expected = [None, Some(&seen(5)), Some(&ended)];
    for ((record, progress), judged) in records.iter().zip(expected).zip(&judged) {
        assert_eq!(judged, &open_entry(record).crashed(progress));
    }
    assert_eq!(judged[0].tokens.prompt, 4_321);
    assert_eq!(
        judged.iter().map(|record| record.end).collect::<Vec<_>>(),
        [End::Crashed, End::Crashed, End::Complete]
    );
}

#[test]
fn a_living_journal_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let (closed, left_open) = (record(), record());
    close(&*first, &closed);
    let entry = first.open(&open_entry(&left_open)).unwrap();
    let second = open(dir.path());
    assert_eq!((second.lag().records, second.lag().open), (0, 0));
    assert!(next(&second).is_empty());
    drop(second);
    assert_eq!(next(&first), std::slice::from_ref(&closed));

    drop(first);
    // An entry may still be closed: its folder is not free before.
    assert!(next(&open(dir.path())).is_empty());
    drop(entry);
    let third = open(dir.path());
    assert_eq!(ship(&third), [closed, open_entry(&left_open).crashed(None)]);
}

#[test]
fn a_close_after_the_journal_is_gone_counts() {
    let dir = tempfile::tempdir().unwrap();
    let record = record();
    let journal = open(dir.path());
    let entry = journal.open(&open_entry(&record)).unwrap();
    drop(journal);
    entry.close(&record);
    drop(entry);
    assert_eq!(ship(&open(dir.path())), [record]);
}

#[test]
fn a_dead_journal_goes_to_exactly_one_of_many() {
    let dir = tempfile::tempdir().unwrap();
    let mut written = HashSet::new();
    let dead: Vec<_> = (0..6).map(|_| open(dir.path())).collect();
    for journal in &dead {
        for record in (0..10).map(|_| record()) {
            close(&**journal, &record);
            written.insert(record.id);
        }
    }
    drop(dead);
    let journals: Vec<_> = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..8).map(|_| scope.spawn(|| open(dir.path()))).collect();
        openers.into_iter().map(|opener| opener.join().unwrap()).collect()
    });
    let taken: Vec<RequestId> = journals
        .iter()
        .flat_map(|journal| ship(journal))
        .map(|record| record.id)
        .collect();
    assert_eq!(taken.len(), written.len());
    assert_eq!(taken.into_iter().collect::<HashSet<_>>(), written);
    drop(journals);
    assert!(folders(dir.path()).is_empty());
}

#[test]
fn journals_that_start_at_once_do_not_take_each_other_for_dead() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..40 {
        let start = Barrier::new(4);
        // What it finds, what it writes, and what it ships of that while the others live.
        let one = || {
            start.wait();
            let journal = FileJournal::open_dir(dir.path(), Options::default());
            let record = record();
            let found = journal.as_ref().map(|journal| {
                let found = next(journal);
                close(&**journal, &record);
                found
            });
            start.wait();
            let shipped = journal.as_ref().map(|journal| ship(journal));
            start.wait();
            (
                found.is_ok_and(|found| found.is_empty()),
                shipped.is_ok_and(|shipped| shipped == [record]),
            )
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(results, [(true, true); 4]);
    }
    assert!(folders(dir.path()).is_empty());
}

#[test]
fn what_was_taken_over_and_not_confirmed_is_taken_over_again() {
    let dir = tempfile::tempdir().unwrap();
    let (closed, left_open) = (record(), record());
    let journal = open(dir.path());
    close(&*journal, &closed);
    drop(journal.open(&open_entry(&left_open)).unwrap());
    drop(journal);
    let expected = [closed, open_entry(&left_open).crashed(None)];
    for _ in 0..3 {
        let journal = open(dir.path());
        // The first of the two is confirmed: the folder stays for the second.
        let batch = journal.next_batch(1).unwrap();
        journal.confirm(batch.mark).unwrap();
        assert_eq!(batch.records, expected[..1]);
        assert_eq!(next(&journal), expected[1..]);
        journal.rewind();
        assert_eq!(next(&journal), expected[1..]);
    }
    assert_eq!(ship(&open(dir.path())), expected);
    assert!(next(&open(dir.path())).is_empty());
}

#[test]
fn old_records_come_before_new_ones() {
    let dir = tempfile::tempdir().unwrap();
    let mut records = Vec::new();
    for _ in 0..3 {
        let journal = open(dir.path());
        let new = record();
        close(&*journal, &new);
        records.push(new);
        assert_eq!(next(&journal), records);
    }
}

#[test]
fn a_drained_journal_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    close(&*journal, &record());
    ship(&journal);
    drop(journal);
    assert!(folders(dir.path()).is_empty());
}

#[test]
fn drained_segments_are_removed_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let mut most = 0;
    for _ in 0..20 {
        (0..2_000).for_each(|_| close(&*journal, &record()));
        most = most.max(segments(dir.path()).len());
        ship(&journal);
    }
    assert!(most <= 2, "{most}");
    assert!(journal.lag().bytes <= 10 << 20, "{}", journal.lag().bytes);
    assert_eq!(journal.lag().records, 0);
}

#[test]
fn leftovers_of_a_start_that_failed_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let names = [
        "01900000-0000-7000-8000-000000000001",
        "01900000-0000-7000-8000-000000000002",
    ];
    for name in names {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join(names[1]).join("lock"), "").unwrap();
    fs::create_dir(dir.path().join("somebody's")).unwrap();
    drop(open(dir.path()));
    assert_eq!(folders(dir.path()), [dir.path().join("somebody's")]);
}

#[test]
fn a_segment_that_cannot_be_read_is_put_aside_once() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let record = record();
    close(&*journal, &record);
    drop(journal);
    // A folder opens like a file, and cannot be read like one.
    fs::create_dir(folders(dir.path())[0].join("99999999.seg")).unwrap();
    assert_eq!(ship(&open(dir.path())), [record]);
    let left: Vec<_> = folders(dir.path());
    assert!(
        left.len() == 1 && left[0].extension().is_some_and(|end| end == "damaged"),
        "{left:?}"
    );
    assert!(next(&open(dir.path())).is_empty());
}

#[test]
fn a_record_damaged_while_it_waits_costs_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let records = [record(), record(), record()];
    records.iter().for_each(|record| close(&*journal, record));
    let path = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    let id = records[1].id.as_bytes();
    let at = bytes.windows(16).rposition(|window| window == id).unwrap();
    bytes[at + 20] ^= 1;
    fs::write(&path, bytes).unwrap();
    for _ in 0..2 {
        assert_eq!(next(&journal), [records[0].clone(), records[2].clone()]);
        journal.rewind();
    }
    ship(&journal);
    assert_eq!(journal.lag().records, 0);
}

#[test]
fn folders_and_files_are_private() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("a/journal");
    let journal = open(&dir);
    close(&*journal, &record());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let own = folders(&dir).remove(0);
    assert_eq!((mode(&dir), mode(&own)), (0o700, 0o700));
    for file in fs::read_dir(own).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let outer = tempfile::tempdir().unwrap();
    let file = outer.path().join("file");
    fs::write(&file, "").unwrap();
    let error = FileJournal::open_dir(&file.join("journal"), Options::default()).unwrap_err();
    assert!(error.to_string().contains("file/journal"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}
