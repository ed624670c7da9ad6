//! How far a file of frames was handed out, and how far the ledger has it.

use std::fs::File;
use std::io;

use llmgw_usage::ledger::UsageRecord;

use crate::frame::Kind;
use crate::scan::{Damage, Scan};
use crate::segment::{Written, as_u64};

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Position {
    handed: Mark,
    confirmed: Mark,
    /// Records that were written and cannot be read any more.
    lost: u64,
    /// Whether the file is worth a look by people.
    pub(crate) damaged: bool,
}

/// A place in a file, and the number of records before it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    at: u64,
    records: u64,
}

/// What one reading gave, also when it failed in the end.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) upto: Mark,
    pub(crate) count: u64,
    /// Records found lost just now.
    pub(crate) lost: u64,
    pub(crate) result: io::Result<()>,
}

impl Position {
    pub(crate) fn at_start(damaged: bool) -> Self {
        Self {
            damaged,
            ..Self::default()
        }
    }

    pub(crate) fn all_handed_out(&self, written: Written) -> bool {
        self.handed.records + self.lost >= written.closed
    }

    pub(crate) fn all_confirmed(&self, written: Written) -> bool {
        self.confirmed.records + self.lost >= written.closed
    }

    /// Appends the records that follow to `records`, until it holds `max`.
    pub(crate) fn take(
        &mut self,
        file: &File,
        written: Written,
        max: usize,
        records: &mut Vec<UsageRecord>,
    ) -> Taken {
        let before = records.len();
        let mut scan = Scan::new(file, self.handed.at, written.end);
        let result = self.read(&mut scan, max, records);
        let count = as_u64(records.len() - before);
        self.handed = Mark {
            at: scan.at(),
            records: self.handed.records + count,
        };
        self.damaged |= scan.damage() == Damage::Within;
        let lost = if scan.at() < written.end {
            0
        } else {
            self.missing(written)
        };
        if lost > 0 {
            self.lost += lost;
            self.damaged = true;
        }
        Taken {
            upto: self.handed,
            count,
            lost,
            result,
        }
    }

    fn read(&mut self, scan: &mut Scan<'_>, max: usize, records: &mut Vec<UsageRecord>) -> io::Result<()> {
        while records.len() < max {
            let Some(frame) = scan.next()? else { break };
            if frame.kind() == Kind::Close {
                match frame.decode() {
                    Ok(record) => records.push(record),
                    Err(error) => {
                        tracing::error!(%error, "a record in the journal cannot be understood");
                        self.damaged = true;
                    }
                }
            }
        }
        Ok(())
    }

    fn missing(&self, written: Written) -> u64 {
        written.closed.saturating_sub(self.handed.records + self.lost)
    }

    pub(crate) fn confirm(&mut self, upto: Mark) {
        self.confirmed = upto;
    }

    pub(crate) fn rewind(&mut self) {
        self.handed = self.confirmed;
    }
}
