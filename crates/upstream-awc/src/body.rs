//! The body of a request in small pieces, and that of an answer with a bound on silence.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_rt::time::{Instant, Sleep, sleep_until};
use awc::ClientResponse;
use awc::body::{BodySize, MessageBody};
use bytes::Bytes;
use futures_core::Stream;
use llmgw_proxy::{RequestBody, UpstreamError};

use crate::wire::State;

/// awc copies what it is given before it writes: more at once would be there twice.
const PIECE: usize = 64 * 1024;

/// The body of a request on its way.
pub(crate) struct Sending(pub(crate) RequestBody);

impl MessageBody for Sending {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len())
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(self.0.next_piece(PIECE).map(Ok))
    }
}

/// How long to wait and when to stop.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// Between two reads.
    pub(crate) idle: Duration,
    /// Close the connection after so many bytes instead of keeping it.
    pub(crate) close_after: Option<u64>,
    /// That of a body in chunks: where it is closed before the last of them, the body broke off.
    pub(crate) connection: Option<Rc<State>>,
}

/// A body as awc reads it. Dropping it before its end closes the connection.
pub struct AwcBody {
    answer: Option<ClientResponse>,
    bounds: Bounds,
    received: u64,
    last_read: Instant,
    // One timer, looked at only when it fires: a stream's every chunk need not touch it.
    timer: Option<Pin<Box<Sleep>>>,
    // Whom it wakes.
    woken: Waker,
}

impl std::fmt::Debug for AwcBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwcBody")
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

impl AwcBody {
    pub(crate) fn new(answer: ClientResponse, bounds: Bounds) -> Self {
        Self {
            answer: Some(answer),
            bounds,
            received: 0,
            last_read: Instant::now(),
            timer: None,
            woken: Waker::noop().clone(),
        }
    }

    fn silent_too_long(&mut self, cx: &mut Context<'_>) -> bool {
        let is_set = self.woken.will_wake(cx.waker());
        if is_set && self.timer.as_ref().is_some_and(|timer| !timer.is_elapsed()) {
            return false;
        }
        self.woken.clone_from(cx.waker());
        loop {
            let deadline = self.last_read + self.bounds.idle;
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            if timer.deadline() >= deadline {
                return true;
            }
            timer.as_mut().reset(deadline);
        }
    }
}

impl Stream for AwcBody {
    type Item = Result<Bytes, UpstreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this
            .bounds
            .close_after
            .is_some_and(|length| this.received >= length)
        {
            this.answer = None;
        }
        let Some(answer) = &mut this.answer else {
            return Poll::Ready(None);
        };
        match Pin::new(answer).poll_next(cx) {
            Poll::Pending if this.silent_too_long(cx) => {
                this.answer = None;
                Poll::Ready(Some(Err(UpstreamError::Timeout)))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                this.answer = None;
                let connection = this.bounds.connection.take();
                if connection.is_some_and(|connection| connection.ended()) {
                    let error = "closed before its last chunk";
                    return Poll::Ready(Some(Err(UpstreamError::Broken(error.into()))));
                }
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                this.answer = None;
                Poll::Ready(Some(Err(UpstreamError::Broken(error.to_string().into()))))
            }
            Poll::Ready(Some(Ok(bytes))) => {
                this.received += bytes.len() as u64;
                this.last_read = Instant::now();
                Poll::Ready(Some(Ok(bytes)))
            }
        }
    }
}
