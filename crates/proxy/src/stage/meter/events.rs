//! A stream of events on its way to the client: whole events only, so that what must follow stands at an
//! event's boundary.

use bytes::Bytes;
use llmgw_usage::ledger::End;

use super::{BrokenOff, Passed};
use crate::dialect::{ErrorText, error_event};
use crate::guard::Guard;
use crate::sse::{EventSplitter, Piece};
use crate::stream_reader::{Seen, StreamReader};

pub(super) struct Events {
    splitter: EventSplitter,
    reader: StreamReader,
    // The client did not ask for the usage event: we did.
    take_usage_out: bool,
}

impl Events {
    pub(super) fn new(reader: StreamReader, take_usage_out: bool) -> Self {
        Self {
            splitter: EventSplitter::default(),
            reader,
            take_usage_out,
        }
    }

    /// The id of the answer, when it was seen.
    pub(super) fn answer_id(&self) -> Option<&str> {
        self.reader.answer_id()
    }

    /// Takes a read, and gives what became whole with it.
    pub(super) fn pass(&mut self, chunk: Bytes, guard: &mut Guard) -> Passed {
        guard.first_byte();
        let mut as_it_came = self.splitter.is_between_events();
        let (reader, take_usage_out) = (&mut self.reader, self.take_usage_out);
        let mut kept = Kept::default();
        self.splitter.push(&chunk, |piece| {
            let (bytes, seen) = match piece {
                Piece::Event(bytes) => {
                    let seen = reader.read(&bytes);
                    (bytes, seen)
                }
                Piece::Part { bytes, last } => {
                    reader.read_part(&bytes, last);
                    (bytes, Seen::Event)
                }
            };
            if take_usage_out && seen == Seen::UsageEvent {
                as_it_came = false;
            } else {
                kept.push(bytes);
            }
        });
        self.tell(guard);
        if self.reader.ended() {
            guard.finish(End::Complete);
        }
        // Most reads are whole events that all pass: those go on without a copy.
        let whole = as_it_came && self.splitter.is_between_events();
        Ok(Some(if whole { chunk } else { kept.into_bytes() }))
    }

    /// Gives what is left when the stream is over.
    pub(super) fn end(&mut self, guard: &mut Guard) -> Passed {
        let mut kept = Kept::default();
        let mut cut_off = false;
        if let Some(tail) = self.splitter.finish() {
            // An event without its empty line may still be all there.
            let whole = tail.whole || self.reader.is_all_there(&tail.bytes);
            let seen = if whole {
                self.reader.read(&tail.bytes)
            } else {
                Seen::Event
            };
            self.tell(guard);
            cut_off = !tail.whole && !self.reader.ended();
            let ours = self.take_usage_out && seen == Seen::UsageEvent;
            if !cut_off && !ours {
                kept.push(tail.bytes);
            }
        }
        if self.reader.ended() || (self.reader.may_end() && !cut_off && !self.splitter.in_parts()) {
            guard.finish(End::Complete);
        } else if self.reader.failed() && self.splitter.is_between_events() {
            // The client was told already, in the model server's own words.
            guard.finish(End::UpstreamError);
        } else {
            kept.push(self.break_off(guard)?);
        }
        Ok(Some(kept.into_bytes()))
    }

    // The stream ended before the event that ends a whole answer.
    fn break_off(&mut self, guard: &mut Guard) -> Result<Bytes, BrokenOff> {
        guard.finish(End::UpstreamError);
        // After a part of a very long event nothing else can be said.
        if self.splitter.in_parts() {
            return Err(BrokenOff);
        }
        let error = ErrorText {
            message: "The model server broke off before the end of its answer. Please try again.",
            kind: "server_error",
            code: Some("upstream_error"),
            param: None,
        };
        Ok(error_event(self.reader.dialect(), &error))
    }

    fn tell(&self, guard: &mut Guard) {
        guard.saw(self.reader.told(), self.reader.said());
    }
}

// Most reads carry one event, which is then passed on without a copy.
#[derive(Default)]
struct Kept {
    one: Bytes,
    more: Vec<u8>,
}

impl Kept {
    fn push(&mut self, bytes: Bytes) {
        if self.one.is_empty() && self.more.is_empty() {
            self.one = bytes;
        } else {
            self.more.extend_from_slice(&std::mem::take(&mut self.one));
            self.more.extend_from_slice(&bytes);
        }
    }

    fn into_bytes(self) -> Bytes {
        if self.more.is_empty() {
            self.one
        } else {
            Bytes::from(self.more)
        }
    }
}
