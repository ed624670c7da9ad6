//! An answer in one piece on its way to the client.

use bytes::Bytes;
use llmgw_usage::ledger::End;

use super::{BrokenOff, Passed};
use crate::body_usage::UsageScanner;
use crate::estimate;
use crate::guard::Guard;
use crate::reported::Reported;

pub(super) struct Plain {
    scanner: UsageScanner,
    received: u64,
    length: Option<u64>,
    // Where no length was announced, the last piece is known only when the end comes: the record must be in
    // the journal before it is passed on.
    held: Option<Bytes>,
    generates: bool,
}

impl Plain {
    pub(super) fn new(length: Option<u64>, generates: bool) -> Self {
        Self {
            scanner: UsageScanner::default(),
            received: 0,
            length,
            held: None,
            generates,
        }
    }

    pub(super) fn pass(&mut self, chunk: Bytes, guard: &mut Guard) -> Passed {
        guard.first_byte();
        self.scanner.push(&chunk);
        self.received += chunk.len() as u64;
        self.tell(guard);
        match self.length {
            Some(length) => {
                if self.received >= length {
                    guard.finish(End::Complete);
                }
                Ok(Some(chunk))
            }
            None => Ok(self.held.replace(chunk)),
        }
    }

    pub(super) fn end(&mut self, clean: bool, guard: &mut Guard) -> Passed {
        // Not every client of HTTP tells a chunked body that broke off from one that ended: what began as a
        // JSON document must also end as one.
        if clean && self.length.is_none_or(|length| self.received >= length) && !self.scanner.inside() {
            guard.finish(End::Complete);
            return Ok(self.held.take());
        }
        if self.length.is_some_and(|length| self.received >= length) {
            return Ok(None);
        }
        guard.finish(End::UpstreamError);
        Err(BrokenOff)
    }

    fn tell(&self, guard: &mut Guard) {
        let mut reported = Reported::default();
        if let Some(usage) = self.scanner.found() {
            reported.take(usage);
        }
        let tokens = reported.tokens();
        let uncounted = self.generates && tokens.is_none();
        let seen = if uncounted {
            estimate::completion_tokens(self.scanner.said())
        } else {
            0
        };
        guard.saw(tokens, seen);
    }
}
