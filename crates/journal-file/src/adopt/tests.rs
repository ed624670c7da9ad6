//! Segments cut anywhere and changed anywhere: what is whole comes back, what is not is never invented.

use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use llmgw_usage::journal::UsageJournal;
use llmgw_usage::journal::contract::{open_entry, seen};
use llmgw_usage::ledger::contract::record;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::options::Options;
use crate::{FileJournal, folder};

/// A segment's bytes, and what is where in them.
struct Image {
    bytes: Vec<u8>,
    requests: Vec<Request>,
}

struct Request {
    record: UsageRecord,
    notes: u64,
    // Without padding; the slots follow the padding.
    open: Range<usize>,
    slots: usize,
    close: Option<Range<usize>>,
}

static IMAGE: LazyLock<Image> = LazyLock::new(image);

// Requests closed with and without progress, in and out of order, and some left open.
fn image() -> Image {
    let dir = tempfile::tempdir().unwrap();
    let journal = FileJournal::open_dir(dir.path(), Options::default()).unwrap();
    let records: Vec<_> = (0..8).map(|_| record()).collect();
    let entries: Vec<_> = records
        .iter()
        .map(|record| journal.open(&open_entry(record)).unwrap())
        .collect();
    for (entry, notes) in entries.iter().zip(0..) {
        (1..=notes % 4).for_each(|note| entry.progress(&seen(note)));
    }
    for at in [4, 0, 5] {
        entries[at].close(&records[at]);
    }
    let late: Vec<_> = (0..2).map(|_| record()).collect();
    late.iter()
        .for_each(|record| llmgw_usage::journal::contract::close(&*journal, record));
    drop(entries);
    drop(journal);
    let (_, left) = folder::take(dir.path()).unwrap();
    let path = left[0].segments().unwrap().remove(0);
    let bytes = std::fs::read(path).unwrap();
    let requests = records
        .into_iter()
        .chain(late)
        .zip((0..8).map(|n| n % 4).chain([0, 0]));
    locate(bytes, requests.collect())
}

fn locate(mut bytes: Vec<u8>, requests: Vec<(UsageRecord, u64)>) -> Image {
    let mut requests: Vec<_> = requests
        .into_iter()
        .map(|(record, notes)| Request {
            record,
            notes,
            open: 0..0,
            slots: 0,
            close: None,
        })
        .collect();
    let mut at = 0;
    while let Some(header) = frame::header(&bytes[at..]) {
        let body = frame::payload(header, &bytes[at..]).unwrap();
        let size = frame::frame_size(header.payload);
        let range = at..at + frame::HEADER + header.payload;
        let id = body[1..17].to_vec();
        let request = requests
            .iter_mut()
            .find(|request| request.record.id.as_bytes()[..] == id)
            .unwrap();
        at += size;
        if header.kind == Kind::Open {
            (request.open, request.slots) = (range, at);
            at += frame::SLOTS;
        } else {
            request.close = Some(range);
        }
    }
    bytes.truncate(at + 40);
    Image { bytes, requests }
}

// All records of a folder with this one segment.
fn records_of(dir: &Path, segment: &[u8]) -> Vec<UsageRecord> {
    let folder = dir.join("01900000-0000-7000-8000-000000000000");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("00000001.seg"), segment).unwrap();
    let (own, mut left) = folder::take(dir).unwrap();
    own.remove_if_empty().unwrap();
    let mut adopted = Adopted::read(left.remove(0)).unwrap();
    let count = adopted.records();
    let mut records = Vec::new();
    for file in &mut adopted.files {
        let reader = File::open(&file.path).unwrap();
        let taken = file
            .position
            .take(&reader, file.written, usize::MAX, &mut records);
        taken.result.unwrap();
        assert_eq!(taken.lost, 0);
    }
    records.append(&mut adopted.crashed);
    assert_eq!(count, as_u64(records.len()));
    adopted.remove().unwrap();
    records
}

fn crashed(request: &Request, note: u64) -> UsageRecord {
    let progress = (note > 0).then(|| seen(note));
    open_entry(&request.record).crashed(progress.as_ref())
}

// What must come of a request when only bytes for which `whole` says so are as they were.
fn check(request: &Request, records: &[UsageRecord], whole: impl Fn(Range<usize>) -> bool) {
    let mine: Vec<_> = records
        .iter()
        .filter(|record| record.id == request.record.id)
        .collect();
    if request.close.clone().is_some_and(&whole) {
        assert_eq!(mine, [&request.record]);
    } else if whole(request.open.clone()) {
        let slot = |turn: u64| {
            let at = request.slots + if turn.is_multiple_of(2) { frame::SLOT } else { 0 };
            at..at + frame::SLOT
        };
        let last = request.notes;
        if last == 0 || whole(slot(last)) {
            assert_eq!(mine, [&crashed(request, last)]);
        } else {
            // A slot whose padding is gone may count or not; the one before is still there, or there was none.
            let either = [
                crashed(request, last),
                crashed(request, last - 1),
                crashed(request, 0),
            ];
            assert!(mine.len() == 1 && either.contains(mine[0]), "{mine:?}");
        }
    } else {
        assert!(mine.is_empty(), "{mine:?}");
    }
}

fn check_all(image: &Image, records: &[UsageRecord], whole: impl Fn(Range<usize>) -> bool) {
    for request in &image.requests {
        check(request, records, &whole);
    }
    let known = |record: &UsageRecord| {
        image
            .requests
            .iter()
            .any(|request| request.record.id == record.id)
    };
    assert!(records.iter().all(known));
}

fn check_changed(image: &Image, dir: &TempDir, bytes: &[u8]) {
    let records = records_of(dir.path(), bytes);
    clear_set_aside(dir.path());
    check_all(image, &records, |range| {
        bytes.get(range.clone()) == Some(&image.bytes[range])
    });
}

#[test]
fn everything_comes_back_when_nothing_is_wrong() {
    let (image, dir) = (&*IMAGE, tempfile::tempdir().unwrap());
    check_changed(image, &dir, &image.bytes);
    assert_eq!(records_of(dir.path(), &image.bytes).len(), 10);
    assert_eq!(
        image
            .requests
            .iter()
            .filter(|request| request.close.is_some())
            .count(),
        5
    );
}

#[test]
fn a_segment_cut_at_any_byte_gives_what_was_before() {
    let (image, dir) = (&*IMAGE, tempfile::tempdir().unwrap());
    for cut in 0..image.bytes.len() {
        check_changed(image, &dir, &image.bytes[..cut]);
    }
}

#[test]
fn a_segment_torn_at_any_byte_gives_what_was_before() {
    let (image, dir) = (&*IMAGE, tempfile::tempdir().unwrap());
    for cut in 0..image.bytes.len() {
        let mut bytes = image.bytes.clone();
        bytes[cut..].fill(0);
        check_changed(image, &dir, &bytes);
    }
}

#[test]
fn a_changed_byte_costs_no_more_than_its_frame() {
    let (image, dir) = (&*IMAGE, tempfile::tempdir().unwrap());
    for at in 0..image.bytes.len() {
        let mut bytes = image.bytes.clone();
        bytes[at] ^= [0x01, 0x80, 0xFF][at % 3];
        check_changed(image, &dir, &bytes);
    }
}

proptest! {
    #[test]
    fn garbage_anywhere_costs_no_more_than_what_it_covers(
        patches in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..400)), 1..4),
    ) {
        let (image, dir) = (&*IMAGE, tempfile::tempdir().unwrap());
        let mut bytes = image.bytes.clone();
        for (at, patch) in patches {
            let at = at.index(bytes.len());
            let end = (at + patch.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&patch[..end - at]);
        }
        check_changed(image, &dir, &bytes);
    }

    #[test]
    fn garbage_alone_is_nothing(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let dir = tempfile::tempdir().unwrap();
        prop_assert_eq!(records_of(dir.path(), &bytes), []);
    }
}

#[test]
fn a_segment_changed_within_is_kept_aside_and_a_torn_one_is_not() {
    let (image, dir) = (&*IMAGE, tempfile::tempdir().unwrap());
    records_of(dir.path(), &image.bytes[..image.bytes.len() - 60]);
    assert_eq!(clear_set_aside(dir.path()), 0);
    let mut bytes = image.bytes.clone();
    bytes[image.requests[1].open.start + 20] ^= 1;
    records_of(dir.path(), &bytes);
    assert_eq!(clear_set_aside(dir.path()), 1);
}

#[test]
fn a_segment_of_another_version_is_kept_aside() {
    let (image, dir) = (&*IMAGE, tempfile::tempdir().unwrap());
    let mut bytes = image.bytes.clone();
    for request in &image.requests {
        for frame in [Some(&request.open), request.close.as_ref()]
            .into_iter()
            .flatten()
        {
            bytes[frame.start + 2] = 9;
        }
    }
    assert_eq!(records_of(dir.path(), &bytes), []);
    assert_eq!(clear_set_aside(dir.path()), 1);
}

// Removes them, and says how many there were.
fn clear_set_aside(dir: &Path) -> usize {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "damaged"))
        .collect();
    aside.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    aside.len()
}
