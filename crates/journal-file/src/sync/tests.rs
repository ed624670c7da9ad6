use std::sync::Mutex;
use std::time::Instant;

use llmgw_usage::journal::contract::open_entry;
use llmgw_usage::ledger::contract::record;
use tempfile::TempDir;

use super::*;
use crate::lanes::Lanes;
use crate::options::Options;
use crate::room::Room;
use crate::segment::Ground;

fn registry() -> (Arc<Registry>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let ground = Ground {
        folder: crate::folder::take(dir.path()).unwrap().0,
        room: Room::new(None),
        options: Options::default(),
        unwritten: Mutex::default(),
    };
    (Arc::new(Registry::new(Arc::new(ground))), dir)
}

fn write(registry: &Arc<Registry>) -> crate::entry::FileEntry {
    Lanes::new(Arc::clone(registry))
        .open(&open_entry(&record()))
        .unwrap()
}

fn synced(registry: &Registry) -> u64 {
    registry.synced.load(Ordering::Acquire)
}

#[test]
fn only_files_that_changed_are_made_safe() {
    let (registry, _dir) = registry();
    let mut round = Round {
        registry: Arc::clone(&registry),
        failing: false,
    };
    round.run();
    assert_eq!(synced(&registry), 0);
    let entries = [write(&registry), write(&registry)];
    round.run();
    round.run();
    assert_eq!(synced(&registry), 2);
    let note = llmgw_usage::journal::contract::seen(1);
    llmgw_usage::journal::JournalEntry::progress(&entries[0], &note);
    round.run();
    assert_eq!(synced(&registry), 3);
    llmgw_usage::journal::JournalEntry::close(&entries[1], &record());
    round.run();
    round.run();
    assert_eq!(synced(&registry), 4);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the deadline is a promise about real time"
)]
fn what_is_written_is_safe_soon() {
    let (registry, _dir) = registry();
    let sync = Sync::start(Arc::clone(&registry)).unwrap();
    let _entry = write(&registry);
    let written = Instant::now();
    while synced(&registry) == 0 {
        assert!(written.elapsed() < EVERY * 5);
        std::thread::yield_now();
    }
    drop(sync);
}

#[test]
fn the_thread_ends_with_a_last_round() {
    let (registry, _dir) = registry();
    let sync = Sync::start(Arc::clone(&registry)).unwrap();
    let _entry = write(&registry);
    drop(sync);
    assert!(registry.all().iter().all(|segment| !segment.take_changed()));
    assert!(synced(&registry) > 0);
    // The thread's hold on it is gone.
    assert_eq!(Arc::strong_count(&registry), 1);
}

#[test]
fn the_folder_is_made_safe_when_a_segment_was_made() {
    let (registry, _dir) = registry();
    let mut round = Round {
        registry: Arc::clone(&registry),
        failing: false,
    };
    round.run();
    assert!(!registry.folder_changed.load(Ordering::Acquire));
    let _entry = write(&registry);
    assert!(registry.folder_changed.load(Ordering::Acquire));
    round.run();
    assert!(!registry.folder_changed.load(Ordering::Acquire));
}
