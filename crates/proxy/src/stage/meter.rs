//! Stage 6: passes the answer on byte for byte and reads its usage on the side. The guard lives in the body.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use llmgw_types::RequestId;
use llmgw_usage::admission::RuleState;
use llmgw_usage::ledger::End;

use super::forward::{Answered, is_event_stream};
use crate::body_usage::UsageScanner;
use crate::dialect::{ErrorText, error_event};
use crate::guard::{Guard, Sight};
use crate::reported::Reported;
use crate::slots::Slot;
use crate::sse::{EventSplitter, Piece};
use crate::stream_reader::{Seen, StreamReader};
use crate::{Dialect, HeaderList, UpstreamError, estimate};

/// An answer ready to be sent to the client.
#[derive(Debug)]
pub struct Answer<B> {
    /// The request's id.
    pub id: Option<RequestId>,
    /// The status.
    pub status: u16,
    /// Fields for the client.
    pub headers: HeaderList,
    /// The length of the body where the model server named it.
    pub length: Option<u64>,
    /// How far each limit is used up.
    pub limits: Vec<RuleState>,
    /// The body.
    pub body: MeteredBody<B>,
}

/// Begins to meter.
#[must_use]
pub fn meter<B>(answered: Answered<B>) -> Answer<B> {
    let Answered { mut guard, slot, answer, first, take_usage_out, limits } = answered;
    let running = guard.running();
    let (id, route) = running.map(|running| (running.id, running.route)).unzip();
    let stream = is_event_stream(&answer) && (200..300).contains(&answer.status);
    let dialect = route.map_or(Dialect::OpenAi, |route| route.dialect);
    let way = if stream {
        Way::Events(Box::new(Events {
            splitter: EventSplitter::default(),
            reader: StreamReader::new(dialect),
            dialect,
            whole: take_usage_out,
        }))
    } else {
        Way::Plain(Box::new(Plain {
            scanner: UsageScanner::default(),
            received: 0,
            length: answer.length,
            held: None,
            generates: route.is_some_and(|route| route.generates),
        }))
    };
    // Nothing asks for the body of an answer without one.
    if !stream && answer.length == Some(0) {
        guard.finish(End::Complete);
    }
    // In a stream whose usage event is taken out, the announced length would be wrong.
    let length = answer.length.filter(|_| !take_usage_out || !stream);
    Answer {
        id,
        status: answer.status,
        headers: answer.headers,
        length,
        limits,
        body: MeteredBody { upstream: Some(answer.body), first, way, guard, over: false, _slot: slot },
    }
}

/// The body broke off before its end; the connection to the client must be aborted, not ended.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off before its end")]
pub struct BrokenOff;

/// A body that passes by and is metered. Dropping it early closes the connection to the model server and
/// settles the request as `client_gone`.
pub struct MeteredBody<B> {
    upstream: Option<B>,
    first: Option<Bytes>,
    way: Way,
    guard: Guard,
    over: bool,
    // Given back when the answer is over.
    _slot: Option<Slot>,
}

impl<B> std::fmt::Debug for MeteredBody<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeteredBody").field("over", &self.over).finish_non_exhaustive()
    }
}

enum Way {
    Events(Box<Events>),
    Plain(Box<Plain>),
}

struct Events {
    splitter: EventSplitter,
    reader: StreamReader,
    dialect: Dialect,
    // Forward whole events only, without the usage event that the client did not ask for.
    whole: bool,
}

struct Plain {
    scanner: UsageScanner,
    received: u64,
    length: Option<u64>,
    // Where no length was announced, the last piece is known only when the end comes: the record must be in
    // the journal before it is passed on.
    held: Option<Bytes>,
    generates: bool,
}

impl<B: Stream<Item = Result<Bytes, UpstreamError>> + Unpin> Stream for MeteredBody<B> {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while !this.over {
            let read = match this.first.take() {
                Some(first) => Some(Ok(first)),
                None => match &mut this.upstream {
                    Some(upstream) => ready!(Pin::new(upstream).poll_next(cx)),
                    None => None,
                },
            };
            let out = match (read, &mut this.way) {
                (Some(Ok(chunk)), Way::Events(events)) => events.pass(chunk, &mut this.guard),
                (Some(Ok(chunk)), Way::Plain(plain)) => plain.pass(chunk, &mut this.guard),
                (end, way) => {
                    this.over = true;
                    this.upstream = None;
                    let clean = end.is_none();
                    match way {
                        Way::Events(events) => events.end(&mut this.guard),
                        Way::Plain(plain) => plain.end(clean, &mut this.guard),
                    }
                }
            };
            match out {
                Ok(Some(bytes)) if !bytes.is_empty() => return Poll::Ready(Some(Ok(bytes))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        Poll::Ready(None)
    }
}

type Passed = Result<Option<Bytes>, BrokenOff>;

impl Events {
    fn pass(&mut self, chunk: Bytes, guard: &mut Guard) -> Passed {
        guard.first_byte();
        let (reader, whole) = (&mut self.reader, self.whole);
        let mut kept = Kept::default();
        self.splitter.push(&chunk, |piece| {
            let (bytes, seen) = match piece {
                Piece::Event(bytes) => {
                    let seen = reader.read(&bytes);
                    (bytes, seen)
                }
                Piece::Part(bytes) => (bytes, Seen::Event),
            };
            if whole && seen != Seen::UsageEvent {
                kept.push(bytes);
            }
        });
        guard.saw(self.sight());
        if self.reader.ended() {
            guard.finish(End::Complete);
        }
        Ok(Some(if self.whole { kept.into_bytes() } else { chunk }))
    }

    fn end(&mut self, guard: &mut Guard) -> Passed {
        let mut kept = Kept::default();
        if let Some(tail) = self.splitter.finish() {
            let seen = self.reader.read(&tail.bytes);
            guard.saw(self.sight());
            if self.whole && seen != Seen::UsageEvent && (tail.whole || self.reader.ended()) {
                kept.push(tail.bytes);
            }
        }
        if self.reader.ended() {
            guard.finish(End::Complete);
        } else {
            kept.push(self.break_off(guard)?);
        }
        Ok(Some(kept.into_bytes()))
    }

    // The stream ended before the event that ends a whole answer.
    fn break_off(&mut self, guard: &mut Guard) -> Result<Bytes, BrokenOff> {
        guard.finish(End::UpstreamError);
        // Where only whole events were passed on, an unfinished one was not begun.
        if self.splitter.in_parts() || !(self.whole || self.splitter.ended_whole()) {
            return Err(BrokenOff);
        }
        let error = ErrorText {
            message: "The model server broke off before the end of its answer. Please try again.",
            kind: "server_error",
            code: Some("upstream_error"),
            param: None,
        };
        Ok(error_event(self.dialect, &error))
    }

    fn sight(&self) -> Sight {
        Sight { reported: *self.reader.reported(), seen: self.reader.said() }
    }
}

impl Plain {
    fn pass(&mut self, chunk: Bytes, guard: &mut Guard) -> Passed {
        guard.first_byte();
        self.scanner.push(&chunk);
        self.received += chunk.len() as u64;
        guard.saw(self.sight());
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

    fn end(&mut self, clean: bool, guard: &mut Guard) -> Passed {
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

    fn sight(&self) -> Sight {
        let mut reported = Reported::default();
        if let Some(usage) = self.scanner.found() {
            reported.take(usage);
        }
        let uncounted = self.generates && reported.tokens().is_none();
        let seen = if uncounted { estimate::completion_tokens(self.received) } else { 0 };
        Sight { reported, seen }
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
        if self.more.is_empty() { self.one } else { Bytes::from(self.more) }
    }
}
