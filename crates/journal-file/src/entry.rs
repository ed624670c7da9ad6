//! A request noted as open.

use std::sync::{Arc, Mutex};

use llmgw_usage::journal::{JournalEntry, Progress};
use llmgw_usage::ledger::UsageRecord;

use crate::frame;
use crate::lock::locked;
use crate::segment::{Place, Segment, as_u64};

pub(crate) struct FileEntry {
    segment: Arc<Segment>,
    place: Place,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    turn: u32,
    failing: bool,
}

impl FileEntry {
    pub(crate) fn new(segment: Arc<Segment>, place: Place) -> Self {
        Self {
            segment,
            place,
            state: Mutex::default(),
        }
    }

    fn write(&self, progress: &Progress, turn: u32) -> std::io::Result<()> {
        let (slot, offset) = frame::encode_slot(progress, turn)?;
        self.segment
            .write_slot(&slot, self.place.slots_at + as_u64(offset))
    }
}

impl JournalEntry for FileEntry {
    fn progress(&self, progress: &Progress) {
        let state = &mut *locked(&self.state);
        if state.closed {
            return;
        }
        state.turn += 1;
        let written = self.write(progress, state.turn);
        // Once per request: a stream would repeat it every second.
        if let Err(error) = &written
            && !state.failing
        {
            tracing::warn!(%error, "progress could not be written");
        }
        state.failing = written.is_err();
    }

    fn close(&self, record: &UsageRecord) {
        let state = &mut *locked(&self.state);
        if !std::mem::replace(&mut state.closed, true) {
            self.segment.close(self.place, record);
        }
    }
}
