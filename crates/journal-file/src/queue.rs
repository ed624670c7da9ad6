//! What goes to the ledger next: records of dead processes, then those the disk did not take, then our own,
//! segment by segment. Records are read back from the files, so that memory does not grow while a ledger is
//! away.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs::File;
use std::io;
use std::sync::Arc;

use llmgw_usage::journal::JournalBatch;
use llmgw_usage::ledger::UsageRecord;

use crate::adopt::Adopted;
use crate::lock::locked;
use crate::position::{Mark, Taken};
use crate::registry::Registry;
use crate::segment::Segment;

#[derive(Debug)]
pub(crate) struct Queue {
    registry: Arc<Registry>,
    adopted: BTreeMap<usize, Adopted>,
    unwritten_handed: usize,
    on_their_way: VecDeque<(u64, Vec<Part>)>,
    last_mark: u64,
}

// A part of a batch: where it came from and how far it goes.
#[derive(Debug)]
enum Part {
    File {
        folder: usize,
        file: usize,
        upto: Mark,
        count: u64,
    },
    Crashed {
        folder: usize,
        count: usize,
    },
    Unwritten {
        count: usize,
    },
    Own {
        segment: Arc<Segment>,
        upto: Mark,
        count: u64,
    },
}

// A batch while it is put together.
struct Draft {
    max: usize,
    records: Vec<UsageRecord>,
    parts: Vec<Part>,
    failure: Option<io::Error>,
}

impl Queue {
    pub(crate) fn new(registry: Arc<Registry>, adopted: Vec<Adopted>) -> Self {
        Self {
            registry,
            adopted: adopted.into_iter().enumerate().collect(),
            unwritten_handed: 0,
            on_their_way: VecDeque::new(),
            last_mark: 0,
        }
    }

    /// One source that fails does not hold up the others; it is tried again next time.
    pub(crate) fn next_batch(&mut self, max: usize) -> io::Result<JournalBatch> {
        let mut draft = Draft {
            max,
            records: Vec::new(),
            parts: Vec::new(),
            failure: None,
        };
        self.take_adopted(&mut draft);
        self.take_unwritten(&mut draft);
        self.take_own(&mut draft);
        let Draft {
            mut records,
            parts,
            failure,
            ..
        } = draft;
        match failure {
            Some(error) if records.is_empty() => return Err(error),
            Some(error) => tracing::error!(%error, "part of the journal cannot be read"),
            None => {}
        }
        let mut seen = HashSet::with_capacity(records.len());
        records.retain(|record| seen.insert(record.id));
        self.last_mark += 1;
        self.on_their_way.push_back((self.last_mark, parts));
        Ok(JournalBatch {
            records,
            mark: self.last_mark,
        })
    }

    fn take_adopted(&mut self, draft: &mut Draft) {
        let room = &self.registry.ground.room;
        for (&folder, adopted) in &mut self.adopted {
            for (index, file) in adopted.files.iter_mut().enumerate() {
                if draft.is_full() || file.position.all_handed_out(file.written) {
                    continue;
                }
                let Some(reader) = draft.tried(File::open(&file.path)) else {
                    continue;
                };
                let taken = file
                    .position
                    .take(&reader, file.written, draft.max, &mut draft.records);
                room.confirmed(taken.lost);
                let part = Part::File {
                    folder,
                    file: index,
                    upto: taken.upto,
                    count: taken.count,
                };
                draft.took(part, taken);
            }
            let crashed = adopted.crashed.iter().skip(adopted.crashed_handed);
            let count = draft.extend(crashed);
            if count > 0 {
                adopted.crashed_handed += count;
                draft.parts.push(Part::Crashed { folder, count });
            }
        }
    }

    fn take_unwritten(&mut self, draft: &mut Draft) {
        let unwritten = locked(&self.registry.ground.unwritten);
        let count = draft.extend(
            unwritten
                .iter()
                .skip(self.unwritten_handed)
                .map(|(record, _)| record),
        );
        if count > 0 {
            self.unwritten_handed += count;
            draft.parts.push(Part::Unwritten { count });
        }
    }

    fn take_own(&mut self, draft: &mut Draft) {
        for segment in self.registry.all() {
            if draft.is_full() {
                return;
            }
            let written = segment.written();
            let mut position = locked(&segment.position);
            if position.all_handed_out(written) {
                continue;
            }
            let taken = position.take(segment.file(), written, draft.max, &mut draft.records);
            drop(position);
            segment.confirmed(taken.lost);
            draft.took(
                Part::Own {
                    segment,
                    upto: taken.upto,
                    count: taken.count,
                },
                taken,
            );
        }
    }

    pub(crate) fn confirm(&mut self, mark: u64) -> io::Result<()> {
        while let Some((_, parts)) = self.on_their_way.pop_front_if(|(earlier, _)| *earlier <= mark) {
            for part in parts {
                self.confirm_part(part);
            }
        }
        let tidied = self.registry.tidy();
        self.remove_adopted().and(tidied)
    }

    fn confirm_part(&mut self, part: Part) {
        let room = &self.registry.ground.room;
        match part {
            Part::File {
                folder,
                file,
                upto,
                count,
            } => {
                let files = self.adopted.get_mut(&folder).map(|adopted| &mut adopted.files);
                if let Some(file) = files.and_then(|files| files.get_mut(file)) {
                    file.position.confirm(upto);
                    room.confirmed(count);
                }
            }
            Part::Crashed { folder, count } => {
                if let Some(adopted) = self.adopted.get_mut(&folder) {
                    adopted.crashed_confirmed += count;
                    room.confirmed(crate::segment::as_u64(count));
                }
            }
            Part::Unwritten { count } => {
                self.unwritten_handed -= count;
                for (_, number) in locked(&self.registry.ground.unwritten).drain(..count) {
                    // It is there: a segment is not removed before all its requests are confirmed.
                    if let Some(segment) = self.registry.get(number) {
                        segment.unwritten_confirmed();
                    }
                }
            }
            Part::Own { segment, upto, count } => {
                locked(&segment.position).confirm(upto);
                segment.confirmed(count);
            }
        }
    }

    fn remove_adopted(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        for (_, adopted) in self.adopted.extract_if(.., |_, adopted| adopted.all_confirmed()) {
            self.registry.ground.room.give_back(adopted.bytes);
            result = adopted.remove().and(result);
        }
        result
    }

    pub(crate) fn rewind(&mut self) {
        self.on_their_way.clear();
        self.unwritten_handed = 0;
        for adopted in self.adopted.values_mut() {
            adopted.crashed_handed = adopted.crashed_confirmed;
            adopted.files.iter_mut().for_each(|file| file.position.rewind());
        }
        for segment in self.registry.all() {
            locked(&segment.position).rewind();
        }
    }
}

impl Draft {
    fn is_full(&self) -> bool {
        self.records.len() >= self.max
    }

    // How many were taken.
    fn extend<'a>(&mut self, records: impl Iterator<Item = &'a UsageRecord>) -> usize {
        let before = self.records.len();
        self.records
            .extend(records.take(self.max.saturating_sub(before)).cloned());
        self.records.len() - before
    }

    fn tried<T>(&mut self, result: io::Result<T>) -> Option<T> {
        result.map_err(|error| self.failure = Some(error)).ok()
    }

    fn took(&mut self, part: Part, taken: Taken) {
        if taken.lost > 0 {
            tracing::error!(
                records = taken.lost,
                "records in the journal cannot be read any more"
            );
        }
        if taken.count > 0 {
            self.parts.push(part);
        }
        self.tried(taken.result);
    }
}
