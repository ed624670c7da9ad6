//! What dead processes left: read whole, then judged, then shipped before anything of our own.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;

use llmgw_types::RequestId;
use llmgw_usage::journal::{OpenEntry, Progress};
use llmgw_usage::ledger::UsageRecord;

use crate::folder::Folder;
use crate::frame::{self, Kind};
use crate::position::Position;
use crate::scan::{Damage, Frame, Scan};
use crate::segment::{Written, as_u64};

/// A dead process's folder. It is removed as a whole: while one of its requests waits to be shipped as
/// crashed, its open frame must stay.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) folder: Folder,
    pub(crate) files: Vec<AdoptedFile>,
    /// Records of requests it left open, oldest first.
    pub(crate) crashed: Vec<UsageRecord>,
    pub(crate) crashed_handed: usize,
    pub(crate) crashed_confirmed: usize,
    /// Bytes its files take.
    pub(crate) bytes: u64,
}

#[derive(Debug)]
pub(crate) struct AdoptedFile {
    pub(crate) path: PathBuf,
    pub(crate) written: Written,
    pub(crate) position: Position,
}

impl Adopted {
    /// Reads all segments in the folder.
    pub(crate) fn read(folder: Folder) -> io::Result<Self> {
        let mut files = Vec::new();
        let mut bytes = 0;
        let mut judge = Judge::default();
        for path in folder.segments()? {
            match File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file))) {
                Ok((length, file)) => {
                    bytes += length;
                    files.push(judge.read(path, &file, length));
                }
                Err(error) => {
                    let aside = folder.set_aside(&path)?;
                    tracing::error!(path = %aside.display(), %error, "a segment of the journal cannot be read");
                }
            }
        }
        let crashed = judge.crashed();
        Ok(Self {
            folder,
            files,
            crashed,
            crashed_handed: 0,
            crashed_confirmed: 0,
            bytes,
        })
    }

    /// Records that were not confirmed when it was read.
    pub(crate) fn records(&self) -> u64 {
        self.files.iter().map(|file| file.written.closed).sum::<u64>() + as_u64(self.crashed.len())
    }

    pub(crate) fn all_confirmed(&self) -> bool {
        let read = |file: &AdoptedFile| file.position.all_confirmed(file.written);
        self.crashed_confirmed == self.crashed.len() && self.files.iter().all(read)
    }

    /// Removes the folder; damaged files are kept beside it.
    pub(crate) fn remove(self) -> io::Result<()> {
        for file in &self.files {
            if file.position.damaged {
                let aside = self.folder.set_aside(&file.path)?;
                tracing::warn!(path = %aside.display(), "a damaged segment of the journal was kept");
            } else {
                std::fs::remove_file(&file.path)?;
            }
        }
        if !self.folder.remove_if_empty()? {
            tracing::warn!(path = %self.folder.path().display(), "unknown files are in a folder of the journal");
        }
        Ok(())
    }
}

#[derive(Default)]
struct Judge {
    closed: HashSet<RequestId>,
    open: HashMap<RequestId, (OpenEntry, Option<Progress>)>,
}

// What is in one file.
#[derive(Default)]
struct Found {
    frames: u64,
    closed: u64,
    strange: bool,
}

impl Judge {
    // What can be read of a failing file counts; the file is then kept aside.
    fn read(&mut self, path: PathBuf, file: &File, length: u64) -> AdoptedFile {
        let mut scan = Scan::new(file, 0, length);
        let mut found = Found::default();
        if let Err(error) = self.note_all(&mut scan, &mut found) {
            tracing::error!(path = %path.display(), %error, "a segment of the journal cannot be read to its end");
            found.strange = true;
        }
        let damage = scan.damage();
        // Without any frame it may be of another version.
        found.strange |= damage == Damage::Within || (damage != Damage::None && found.frames == 0);
        if found.strange || damage != Damage::None {
            tracing::warn!(path = %path.display(), ?damage, "a segment of the journal is damaged");
        }
        let written = Written {
            end: scan.at(),
            closed: found.closed,
        };
        AdoptedFile {
            path,
            written,
            position: Position::at_start(found.strange),
        }
    }

    fn note_all(&mut self, scan: &mut Scan<'_>, found: &mut Found) -> io::Result<()> {
        while let Some(frame) = scan.next()? {
            found.frames += 1;
            match self.note(&frame) {
                Ok(()) => found.closed += u64::from(frame.kind() == Kind::Close),
                Err(error) => {
                    tracing::error!(%error, "an entry of the journal cannot be understood");
                    found.strange = true;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, frame: &Frame<'_>) -> postcard::Result<()> {
        match frame.kind() {
            Kind::Open => {
                let entry: OpenEntry = frame.decode()?;
                if !self.closed.contains(&entry.id) {
                    self.open.insert(entry.id, (entry, frame::latest(frame.slots)));
                }
            }
            Kind::Close => {
                let record: UsageRecord = frame.decode()?;
                self.open.remove(&record.id);
                self.closed.insert(record.id);
            }
        }
        Ok(())
    }

    fn crashed(self) -> Vec<UsageRecord> {
        let judged = self
            .open
            .into_values()
            .map(|(entry, progress)| entry.crashed(progress.as_ref()));
        let mut records: Vec<_> = judged.collect();
        records.sort_unstable_by_key(|record| record.id);
        records
    }
}

#[cfg(test)]
mod tests;
