//! Stage 6: passes the answer on byte for byte and reads its usage on the side. The guard lives in the body.

mod events;
mod plain;
mod remember;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use llmgw_types::Timestamp;
use llmgw_usage::admission::RuleState;
use llmgw_usage::ledger::End;

use self::events::Events;
use self::plain::{CountsText, Plain};
use self::remember::Remember;
use super::forward::{Answered, is_event_stream, media_type};
use crate::body_usage::UsageScanner;
use crate::guard::Guard;
use crate::slots::Slot;
use crate::stream_reader::StreamReader;
use crate::{Counts, Dialect, HeaderList, UpstreamError};

/// An answer ready to be sent to the client.
#[derive(Debug)]
pub struct Answer<B> {
    /// The status.
    pub status: u16,
    /// Fields for the client.
    pub headers: HeaderList,
    /// The length of the body, where the model server named it and it will be kept.
    pub length: Option<u64>,
    /// How far each limit is used up, this request's reservation included.
    pub limits: Vec<RuleState>,
    /// When that was: when the request was admitted.
    pub admitted_at: Timestamp,
    /// The body.
    pub body: MeteredBody<B>,
}

/// Begins to meter.
#[must_use]
pub fn meter<B>(answered: Answered<B>) -> Answer<B> {
    let Answered {
        mut guard,
        slot,
        answer,
        first,
        take_usage_out,
        limits,
        peeked,
    } = answered;
    let running = guard.running();
    let admitted_at = running
        .as_ref()
        .map_or_else(Timestamp::default, |running| running.admitted_at);
    let well = (200..300).contains(&answer.status);
    let remember = running
        .as_deref()
        .filter(|_| well)
        .and_then(|running| Remember::of(running, &peeked));
    let stream = is_event_stream(&answer) && well;
    let way = if stream {
        let dialect = running.map_or(Dialect::OpenAi, |running| running.route.dialect);
        let reader = StreamReader::new(dialect, peeked.n);
        Way::Events(Box::new(Events::new(reader, take_usage_out)))
    } else {
        let heard = running
            .as_deref()
            .is_some_and(|running| running.route.counts == Counts::Seconds);
        // A transcript stands there whole, and again in its segments and words.
        let scanner = if heard {
            UsageScanner::default().speaking_outermost()
        } else {
            UsageScanner::default()
        };
        let counts_text = running.map_or(CountsText::Never, |running| CountsText::of(running));
        Way::Plain(Box::new(Plain::new(
            answer.length,
            media_type(&answer),
            counts_text,
            scanner,
        )))
    };
    // Nothing asks for the body of an answer without one.
    if !stream && answer.length == Some(0) {
        guard.finish(End::Complete);
    }
    Answer {
        status: answer.status,
        headers: answer.headers,
        // A stream may lose its usage event or gain an error event.
        length: answer.length.filter(|_| !stream),
        limits,
        admitted_at,
        body: MeteredBody {
            upstream: Some(answer.body),
            first,
            way,
            remember,
            guard,
            over: false,
            _slot: slot,
        },
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
    remember: Option<Remember>,
    guard: Guard,
    over: bool,
    // Given back when the answer is over.
    _slot: Option<Slot>,
}

impl<B> std::fmt::Debug for MeteredBody<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeteredBody")
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

enum Way {
    Events(Box<Events>),
    Plain(Box<Plain>),
}

impl Way {
    fn answer_id(&self) -> Option<&str> {
        match self {
            Self::Events(events) => events.answer_id(),
            Self::Plain(plain) => plain.answer_id(),
        }
    }
}

/// What may be passed on now; an error aborts the connection to the client.
type Passed = Result<Option<Bytes>, BrokenOff>;

impl<B: Stream<Item = Result<Bytes, UpstreamError>> + Unpin> Stream for MeteredBody<B> {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(remember) = &mut this.remember
                && let Some(held) = ready!(remember.poll_held(cx))
            {
                this.remember = None;
                return Poll::Ready(Some(Ok(held)));
            }
            if this.over {
                return Poll::Ready(None);
            }
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
                Ok(Some(bytes)) if !bytes.is_empty() => match (&mut this.remember, this.way.answer_id()) {
                    // The client is not told of it before it can be found again.
                    (Some(remember), Some(id)) => remember.begin(id, bytes),
                    _ => return Poll::Ready(Some(Ok(bytes))),
                },
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}
