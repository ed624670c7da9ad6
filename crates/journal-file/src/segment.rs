//! One file of the journal. Frames are appended under a lock that its one worker rarely shares; room for the
//! close of every open request is held back, so that a close finds its place whatever came since.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use llmgw_usage::journal::OpenEntry;
use llmgw_usage::ledger::UsageRecord;

use crate::folder::Folder;
use crate::frame::{self, Kind, SLOTS};
use crate::lock::locked;
use crate::options::Options;
use crate::position::Position;
use crate::room::Room;

/// What a record can say that its open entry did not, encoded: another target (256 bytes and their length),
/// status, end, tokens, source, cost, times and units, each at its longest.
const CLOSE_BEYOND_OPEN: usize = 258 + 80;

const PAGE: u64 = 4 << 10;

/// What all segments of a process share. The folder's lock lives as long as anything that may write to it.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) folder: Folder,
    pub(crate) room: Room,
    pub(crate) options: Options,
    /// Records whose close the disk did not take.
    pub(crate) unwritten: Mutex<Unwritten>,
}

/// Records kept in memory, oldest first, each with the number of the segment that has its open frame.
pub(crate) type Unwritten = std::collections::VecDeque<(UsageRecord, u64)>;

/// A file of frames.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) ground: Arc<Ground>,
    file: File,
    tail: Mutex<Tail>,
    changed: AtomicBool,
    /// How far it was handed out and confirmed.
    pub(crate) position: Mutex<Position>,
}

#[derive(Debug, Default)]
struct Tail {
    /// Frames stand up to here.
    end: u64,
    /// The file's length, backed by the disk.
    allocated: u64,
    /// Bytes held back for the closes of open requests.
    promised: u64,
    /// Requests without a close in this file, or one that is only in memory and not confirmed.
    open: u64,
    /// Close frames written, and those of them that were not confirmed.
    closed: u64,
    unconfirmed: u64,
    sealed: bool,
    buffer: Vec<u8>,
}

/// Where an open frame's later notes go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) slots_at: u64,
    pub(crate) promised: u64,
}

/// What a reader may rely on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    pub(crate) end: u64,
    pub(crate) closed: u64,
}

impl Segment {
    pub(crate) fn create(ground: &Arc<Ground>, number: u64) -> io::Result<Self> {
        let (file, path) = ground.folder.create_segment(number)?;
        Ok(Self {
            number,
            path,
            ground: Arc::clone(ground),
            file,
            tail: Mutex::default(),
            changed: AtomicBool::new(false),
            position: Mutex::default(),
        })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Notes a request; `None` when this segment takes no more.
    pub(crate) fn open(&self, entry: &OpenEntry) -> io::Result<Option<Place>> {
        let tail = &mut *locked(&self.tail);
        if tail.sealed || tail.end >= self.ground.options.segment_bytes() {
            tail.sealed = true;
            return Ok(None);
        }
        let payload = frame::encode(&mut tail.buffer, Kind::Open, entry)?;
        let slots_at = tail.end + as_u64(tail.buffer.len());
        let promised = as_u64(frame::frame_size(payload + CLOSE_BEYOND_OPEN));
        // The slots are written as zeros: what a failed write left there must not be read as progress.
        let size = tail.buffer.len() + SLOTS;
        tail.buffer.resize(size, 0);
        self.ensure(tail, as_u64(size) + promised)?;
        self.append(tail)?;
        tail.promised += promised;
        tail.open += 1;
        self.ground.room.opened();
        Ok(Some(Place { slots_at, promised }))
    }

    /// Writes one of the slots of an open frame.
    pub(crate) fn write_slot(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let written = self.file.write_all_at(bytes, at);
        self.changed.store(true, Ordering::Release);
        written
    }

    /// Notes the end of a request. The record is shipped also when the disk fails.
    pub(crate) fn close(&self, place: Place, record: &UsageRecord) {
        let room = &self.ground.room;
        room.waiting(1);
        room.no_longer_open();
        if let Err(error) = self.write_close(place, record) {
            tracing::error!(request.id = %record.id, %error, "a record could not be written; it is kept in memory");
            locked(&self.ground.unwritten).push_back((record.clone(), self.number));
        }
    }

    fn write_close(&self, place: Place, record: &UsageRecord) -> io::Result<()> {
        let tail = &mut *locked(&self.tail);
        tail.promised -= place.promised;
        frame::encode(&mut tail.buffer, Kind::Close, record)?;
        // Asks for room only when the record is longer than its open entry let expect.
        self.ensure(tail, as_u64(tail.buffer.len()))?;
        self.append(tail)?;
        tail.open -= 1;
        tail.closed += 1;
        tail.unconfirmed += 1;
        Ok(())
    }

    fn append(&self, tail: &mut Tail) -> io::Result<()> {
        let written = self.file.write_all_at(&tail.buffer, tail.end);
        self.changed.store(true, Ordering::Release);
        written?;
        tail.end += as_u64(tail.buffer.len());
        Ok(())
    }

    // Room for `needed` more bytes besides what is promised.
    fn ensure(&self, tail: &mut Tail, needed: u64) -> io::Result<()> {
        let wanted = tail.end + tail.promised + needed;
        let Some(missing) = wanted.checked_sub(tail.allocated).filter(|missing| *missing > 0) else {
            return Ok(());
        };
        let least = missing.next_multiple_of(PAGE);
        let step = least.max(self.ground.options.chunk_bytes());
        let grow = |by| self.ground.room.grow(&self.file, tail.allocated, by).map(|()| by);
        tail.allocated += grow(step).or_else(|_| grow(least))?;
        Ok(())
    }

    pub(crate) fn written(&self) -> Written {
        let tail = locked(&self.tail);
        Written {
            end: tail.end,
            closed: tail.closed,
        }
    }

    /// The ledger has `count` of its records.
    pub(crate) fn confirmed(&self, count: u64) {
        locked(&self.tail).unconfirmed -= count;
        self.ground.room.confirmed(count);
    }

    /// The ledger has a record whose close is not in the file.
    pub(crate) fn unwritten_confirmed(&self) {
        locked(&self.tail).open -= 1;
        self.ground.room.confirmed(1);
    }

    /// Seals it for good when nothing waits in it and it takes `least` bytes of room or more. Returns that
    /// room; the file is the caller's to remove.
    pub(crate) fn retire(&self, least: u64) -> Option<u64> {
        let tail = &mut *locked(&self.tail);
        let done = tail.open == 0 && tail.unconfirmed == 0 && (tail.sealed || tail.end >= least);
        if !done {
            return None;
        }
        tail.sealed = true;
        Some(std::mem::take(&mut tail.allocated))
    }

    /// Whether it was written to since the last call.
    pub(crate) fn take_changed(&self) -> bool {
        // Acquire pairs with the Release after a write: what was written before the flag is in the file.
        self.changed.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn set_changed(&self) {
        self.changed.store(true, Ordering::Release);
    }
}

pub(crate) fn as_u64(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

// The last entry is gone, and the journal before it: nobody writes here any more.
impl Drop for Ground {
    fn drop(&mut self) {
        if let Err(error) = self.folder.remove_if_empty() {
            let path = self.folder.path().display();
            tracing::warn!(%path, %error, "an empty folder of the journal was not removed");
        }
    }
}
