//! The guard: made before a request is admitted, moved into its body, dropped when it is over. Its drop sends
//! exactly one settlement, whatever happened.

use llmgw_usage::journal::JournalEntry;
use llmgw_usage::ledger::{End, UsageRecord};
use llmgw_usage::settled;
use tokio::sync::mpsc::OwnedPermit;

use crate::Services;
use crate::reported::Told;
use crate::running::{Admission, Running};
use crate::stage::settle::{Left, Settlement};

/// How far a request came.
#[derive(Debug)]
enum Outcome {
    /// It ended while it was being reserved, or could not be noted: to be given back.
    Reserving,
    /// It runs.
    Open,
    /// It ended, and the journal has its record; the limits do not yet.
    Closed(UsageRecord),
    /// It ended, and journal and limits know.
    Settled(UsageRecord),
    /// It ended well, and nobody said how many tokens it took.
    Uncounted,
    /// It was never counted anywhere.
    Refused,
}

/// Owns a [`Running`] request until it is over.
pub(crate) struct Guard {
    running: Option<Box<Running>>,
    permit: Option<OwnedPermit<Settlement>>,
    outcome: Outcome,
}

impl Guard {
    pub(crate) fn new(from: Admission, permit: OwnedPermit<Settlement>) -> Self {
        Self {
            running: Some(Box::new(Running::new(from))),
            permit: Some(permit),
            outcome: Outcome::Reserving,
        }
    }

    /// The request, until it is over.
    pub(crate) fn running(&mut self) -> Option<&mut Running> {
        self.running.as_deref_mut()
    }

    /// The store refused: there is nothing to settle.
    pub(crate) fn refused(mut self) {
        self.outcome = Outcome::Refused;
    }

    /// The store reserved it; from here on it leaves a record.
    pub(crate) fn admitted(&mut self, entry: Box<dyn JournalEntry>) {
        self.outcome = Outcome::Open;
        if let Some(running) = &mut self.running {
            running.entry = Some(entry);
        }
    }

    /// The answer's first byte came.
    pub(crate) fn first_byte(&mut self) {
        if let Some(running) = &mut self.running {
            running.first_byte();
        }
    }

    /// Takes note of what the model server reported, if it did, and of how many completion tokens passed by so far.
    pub(crate) fn saw(&mut self, told: Told, seen: u64) {
        if let Some(running) = &mut self.running {
            running.saw(told, seen);
        }
    }

    /// Ends the request before a byte of an answer was sent: nothing is charged.
    pub(crate) fn fail(&mut self, status: u16) {
        if let Some(running) = &mut self.running {
            running.status = status;
        }
        self.finish(End::UpstreamError);
    }

    /// Ends the request, once: later calls change nothing. The journal has it when this returns, and where they
    /// need not wait, the limits.
    pub(crate) fn finish(&mut self, end: End) {
        let (Outcome::Open, Some(running)) = (&self.outcome, &mut self.running) else {
            return;
        };
        self.outcome = match running.conclude(end) {
            Some(record) if running.close(&record) => Outcome::Settled(record),
            Some(record) => Outcome::Closed(record),
            None => {
                // The close follows when it was counted; should we die before, this note says that it ended.
                running.note_progress(true);
                Outcome::Uncounted
            }
        };
    }

    /// Ends the request as [`finish`](Self::finish) does, and waits until the limits know.
    pub(crate) async fn settle(mut self, services: &Services, end: End) {
        self.finish(end);
        let Outcome::Closed(record) = &self.outcome else {
            return;
        };
        let charge = [settled(record)];
        // Where this fails, the drop leaves it to others.
        if services
            .admission
            .settle(services.clock.now(), &charge)
            .await
            .is_ok()
        {
            self.outcome = Outcome::Settled(record.clone());
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.finish(if std::thread::panicking() {
            End::Crashed
        } else {
            End::ClientGone
        });
        let (Some(permit), Some(running)) = (self.permit.take(), self.running.take()) else {
            return;
        };
        match std::mem::replace(&mut self.outcome, Outcome::Refused) {
            Outcome::Refused => running.forget(),
            Outcome::Settled(record) => running.over(&record),
            Outcome::Closed(record) => drop(permit.send(Settlement(Left::Charge(running, record)))),
            Outcome::Uncounted => drop(permit.send(Settlement(Left::Count(running)))),
            Outcome::Reserving | Outcome::Open => drop(permit.send(Settlement(Left::Release(running.id)))),
        }
    }
}
