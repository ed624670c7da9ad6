//! An answer in one piece on its way to the client.

use bytes::Bytes;
use llmgw_usage::ledger::End;

use super::{BrokenOff, Passed};
use crate::body_usage::UsageScanner;
use crate::estimate;
use crate::guard::Guard;
use crate::reported::Reported;
use crate::running::Running;

/// Whether the text of an answer is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CountsText {
    Never,
    /// Where nobody reports how many tokens it has.
    Unreported,
    /// Always: what is reported is only a part.
    Always,
}

impl CountsText {
    pub(super) fn of(running: &Running) -> Self {
        if running.is_told_in_part() {
            Self::Always
        } else if running.route.generates() {
            Self::Unreported
        } else {
            Self::Never
        }
    }
}

/// What kind of bytes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Text,
    /// Sound and pictures: any byte may be the first, and a client may play them while they come.
    Media,
}

pub(super) struct Plain {
    scanner: UsageScanner,
    kind: Kind,
    received: u64,
    length: Option<u64>,
    // Where no length was announced, the last piece is known only when the end comes: the record must be in
    // the journal before it is passed on.
    held: Option<Bytes>,
    counts_text: CountsText,
}

impl Plain {
    pub(super) fn new(
        length: Option<u64>,
        media_type: &str,
        counts_text: CountsText,
        scanner: UsageScanner,
    ) -> Self {
        Self {
            scanner,
            kind: kind(media_type),
            received: 0,
            length,
            held: None,
            counts_text,
        }
    }

    /// The id of the answer, when it was seen.
    pub(super) fn answer_id(&self) -> Option<&str> {
        self.scanner.id()
    }

    pub(super) fn pass(&mut self, chunk: Bytes, guard: &mut Guard) -> Passed {
        guard.first_byte();
        if self.kind == Kind::Json {
            self.scanner.push(&chunk);
        }
        self.received += chunk.len() as u64;
        self.tell(guard);
        match self.length {
            Some(length) => {
                if self.received >= length {
                    guard.finish(End::Complete);
                }
                Ok(Some(chunk))
            }
            None if self.kind == Kind::Media => Ok(Some(chunk)),
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
        let told = reported.told();
        let said = match (self.counts_text, told.tokens) {
            (CountsText::Never, _) | (CountsText::Unreported, Some(_)) => 0,
            _ if self.kind == Kind::Text => self.received,
            _ => self.scanner.said(),
        };
        guard.saw(told, estimate::completion_tokens(said));
    }
}

// Model servers that forget to say so mean JSON.
fn kind(media_type: &str) -> Kind {
    let starts = |prefix: &str| {
        media_type
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if media_type.is_empty() || media_type.to_ascii_lowercase().contains("json") {
        Kind::Json
    } else if starts("text/") || starts("application/x-subrip") {
        Kind::Text
    } else {
        Kind::Media
    }
}
