//! How much room the journal has, takes, and what waits in it.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use llmgw_usage::journal::JournalLag;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

/// Counts that all segments share.
#[derive(Debug)]
pub(crate) struct Room {
    max_bytes: u64,
    bytes: AtomicU64,
    records: AtomicU64,
    open: AtomicU64,
}

impl Room {
    pub(crate) fn new(max_bytes: Option<u64>) -> Self {
        Self {
            max_bytes: max_bytes.unwrap_or(u64::MAX),
            bytes: AtomicU64::new(0),
            records: AtomicU64::new(0),
            open: AtomicU64::new(0),
        }
    }

    /// Makes `file`, `from` bytes long, longer by `by`, with the disk's promise that it can be written.
    pub(crate) fn grow(&self, file: &File, from: u64, by: u64) -> io::Result<()> {
        let fits = |bytes: u64| bytes.checked_add(by).filter(|sum| *sum <= self.max_bytes);
        if self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .is_err()
        {
            return Err(io::Error::new(
                ErrorKind::StorageFull,
                "the journal has its largest size",
            ));
        }
        allocate(file, from, by).inspect_err(|_| self.give_back(by))
    }

    /// Files of dead processes take this much; it was not asked for.
    pub(crate) fn took_over(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn no_longer_open(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    // Call it before the records can be read, so that `confirmed` never takes more than there is.
    pub(crate) fn waiting(&self, records: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn confirmed(&self, records: u64) {
        self.records.fetch_sub(records, Ordering::Relaxed);
    }

    pub(crate) fn lag(&self) -> JournalLag {
        JournalLag {
            records: self.records.load(Ordering::Relaxed),
            open: self.open.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

fn allocate(file: &File, from: u64, by: u64) -> io::Result<()> {
    loop {
        match fallocate(file, FallocateFlags::empty(), from, by) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            // Where the file system cannot promise, what was written once has its place.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return write_zeros(file, from, by),
            Err(error) => return Err(error.into()),
        }
    }
}

fn write_zeros(file: &File, from: u64, by: u64) -> io::Result<()> {
    let zeros = vec![0; usize::try_from(by).map_err(io::Error::other)?];
    file.write_all_at(&zeros, from)
}
