//! Bodies both ways: the client's with a deadline, the answer's as actix sends it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_rt::time::{Sleep, sleep, timeout};
use actix_web::body::{BodySize, MessageBody};
use actix_web::web;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use llmgw_proxy::{BodyRefusal, BrokenOff, MeteredBody, UpstreamError};

/// How long to read on after a refusal.
const DRAIN_WITHIN: Duration = Duration::from_secs(1);

/// A client's body that must be there in time: actix has a deadline for heads only.
pub(crate) struct TimedBody {
    payload: web::Payload,
    within: Duration,
    // Most bodies are there with their head and need no timer.
    timer: Option<Pin<Box<Sleep>>>,
    over: bool,
}

impl TimedBody {
    pub(crate) fn new(payload: web::Payload, within: Duration) -> Self {
        Self {
            payload,
            within,
            timer: None,
            over: false,
        }
    }

    /// Reads on for a moment without keeping anything: a client that is still sending would otherwise see its
    /// connection reset instead of our answer. A body announced as longer than `most` is not waited for.
    pub(crate) async fn drain(&mut self, announced: Option<u64>, most: u64) {
        if announced.is_some_and(|length| length > most) {
            return;
        }
        let mut left = most;
        let reading = async {
            while !self.over && left > 0 {
                match self.next().await {
                    Some(Ok(chunk)) => left = left.saturating_sub(chunk.len() as u64),
                    _ => return,
                }
            }
        };
        // Whether it came to its end or not, the answer follows.
        let _ = timeout(DRAIN_WITHIN, reading).await;
    }
}

impl Stream for TimedBody {
    type Item = Result<Bytes, BodyRefusal>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.payload).poll_next(cx) {
            Poll::Ready(Some(Ok(bytes))) => return Poll::Ready(Some(Ok(bytes))),
            Poll::Ready(Some(Err(_))) => {
                this.over = true;
                return Poll::Ready(Some(Err(BodyRefusal::BrokeOff)));
            }
            Poll::Ready(None) => {
                this.over = true;
                return Poll::Ready(None);
            }
            Poll::Pending => {}
        }
        let within = this.within;
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(within)));
        if timer.as_mut().poll(cx).is_ready() {
            this.over = true;
            return Poll::Ready(Some(Err(BodyRefusal::Slow(within))));
        }
        Poll::Pending
    }
}

/// The answer's body: its length as the model server named it, its bytes as they come. An error aborts the
/// connection.
pub(crate) struct RelayBody<B> {
    pub(crate) metered: MeteredBody<B>,
    pub(crate) length: Option<u64>,
}

impl<B> MessageBody for RelayBody<B>
where
    B: Stream<Item = Result<Bytes, UpstreamError>> + Unpin,
{
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.length.map_or(BodySize::Stream, BodySize::Sized)
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let next = Pin::new(&mut self.metered).poll_next(cx);
        next.map(|item| item.map(|bytes| bytes.map_err(|error: BrokenOff| error.into())))
    }
}
