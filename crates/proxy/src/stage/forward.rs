//! Stage 5: to the model server, targets in order, tried again only before a byte of an answer came.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use llmgw_models::{Quirk, Stop};
use llmgw_usage::admission::RuleState;

use super::admit::Admitted;
use crate::edit::{self, Edit};
use crate::guard::Guard;
use crate::slots::Slot;
use crate::{BodyRefusal, HeaderList, ProxyError, Services, Upstream, UpstreamAnswer, UpstreamError, UpstreamRequest};

/// A request whose answer has begun.
pub struct Answered<B> {
    pub(super) guard: Guard,
    pub(super) slot: Option<Slot>,
    pub(super) answer: UpstreamAnswer<B>,
    pub(super) first: Option<Bytes>,
    pub(super) take_usage_out: bool,
    pub(super) limits: Vec<RuleState>,
}

impl<B> std::fmt::Debug for Answered<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answered").field("status", &self.answer.status).finish_non_exhaustive()
    }
}

/// Sends the request on and waits for the head of the answer; of a stream, for its first bytes.
///
/// # Errors
/// [`ProxyError::Upstream`] when no target answered, [`ProxyError::EmptyStream`], [`ProxyError::TargetsFull`],
/// [`ProxyError::Store`] when a target's secret is not there, [`ProxyError::Body`] when there is no memory for
/// the edited body. The request is given back whole then, with a record.
pub async fn forward<U: Upstream>(
    services: &Services,
    upstream: &U,
    mut admitted: Admitted,
) -> Result<Answered<U::Body>, ProxyError> {
    match try_targets(services, upstream, &mut admitted).await {
        Ok((answer, first, slot, take_usage_out)) => {
            let Admitted { guard, limits, .. } = admitted;
            Ok(Answered { guard, slot, answer, first, take_usage_out, limits })
        }
        Err(error) => {
            admitted.guard.fail(failure_status(&error));
            Err(error)
        }
    }
}

/// The status a client gets, and the record holds, when forwarding failed.
#[must_use]
pub fn failure_status(error: &ProxyError) -> u16 {
    match error {
        ProxyError::Upstream(UpstreamError::Timeout) => 504,
        ProxyError::TargetsFull | ProxyError::Store(_) | ProxyError::Body(_) => 503,
        _ => 502,
    }
}

type Begun<B> = (UpstreamAnswer<B>, Option<Bytes>, Option<Slot>, bool);

async fn try_targets<U: Upstream>(
    services: &Services,
    upstream: &U,
    admitted: &mut Admitted,
) -> Result<Begun<U::Body>, ProxyError> {
    let mut failed = ProxyError::TargetsFull;
    let stops = std::mem::take(&mut admitted.stops);
    for (at, stop) in stops.iter().enumerate() {
        let Some(slot) = services.slots.take(&stop.target) else { continue };
        let last = at + 1 == stops.len();
        match attempt(services, upstream, admitted, stop).await {
            Ok((answer, _)) if !last && refused_for_now(answer.status) => {}
            Ok((mut answer, take_usage_out)) => {
                let first = first_bytes(&mut answer).await?;
                return Ok((answer, first, slot, take_usage_out));
            }
            Err(error) => {
                let id = admitted.guard.running().map(|running| running.id.to_string());
                tracing::warn!(request.id = id, target.id = %stop.target.id, error = %chain(&error), "target failed");
                let again = matches!(
                    error,
                    ProxyError::Upstream(UpstreamError::Connect(_) | UpstreamError::Broken(_)) | ProxyError::Store(_)
                );
                failed = error;
                if !again {
                    break;
                }
            }
        }
    }
    Err(failed)
}

// Another target may take what this one cannot take now.
const fn refused_for_now(status: u16) -> bool {
    matches!(status, 429 | 502 | 503)
}

async fn attempt<U: Upstream>(
    services: &Services,
    upstream: &U,
    admitted: &mut Admitted,
    stop: &Stop,
) -> Result<(UpstreamAnswer<U::Body>, bool), ProxyError> {
    let target = &stop.target;
    let Some(running) = admitted.guard.running() else { return Err(ProxyError::Busy) };
    running.target = Some(Arc::clone(target));
    running.target_model = Arc::clone(&stop.model);
    let peeked = &admitted.peeked;
    let ask = running.route.asks_for_stream_usage
        && peeked.stream
        && !peeked.include_usage
        && !target.has(Quirk::NoStreamUsage);
    let body = edit::apply(&admitted.body.bytes, peeked, Edit { model: &stop.model, ask_for_usage: ask });
    let mut room = services.buffers.room();
    if body.as_ptr() != admitted.body.bytes.as_ptr() && !room.grow(body.len()) {
        return Err(BodyRefusal::BuffersFull.into());
    }
    let timeouts = &running.served.model.timeouts;
    let request = UpstreamRequest {
        url: format!("{}{}", target.base_url, running.route.path),
        headers: headers(&admitted.headers, &running.id.to_string()),
        secret: services.secrets.resolve(&target.secret).await?,
        body,
        first_byte_timeout: timeouts.first_byte(),
        idle_timeout: timeouts.idle(),
    };
    let answer = upstream.send(request).await.map_err(ProxyError::Upstream)?;
    running.status = answer.status;
    Ok((answer, ask))
}

// Our id goes along, so that a model server's log can be matched with the ledger.
fn headers(from_client: &HeaderList, id: &str) -> HeaderList {
    let mut headers = from_client.clone();
    headers.push("x-request-id", Bytes::copy_from_slice(id.as_bytes()));
    headers
}

// A stream that ends before its first byte is a failure that the client can still be told by a status.
async fn first_bytes<B>(answer: &mut UpstreamAnswer<B>) -> Result<Option<Bytes>, ProxyError>
where
    B: futures_core::Stream<Item = Result<Bytes, UpstreamError>> + Unpin,
{
    if !is_event_stream(answer) || !(200..300).contains(&answer.status) {
        return Ok(None);
    }
    loop {
        match answer.body.next().await {
            Some(Ok(bytes)) if bytes.is_empty() => {}
            Some(Ok(bytes)) => return Ok(Some(bytes)),
            Some(Err(error)) => return Err(ProxyError::Upstream(error)),
            None => return Err(ProxyError::EmptyStream),
        }
    }
}

/// Whether an answer is a stream of events.
pub(super) fn is_event_stream<B>(answer: &UpstreamAnswer<B>) -> bool {
    answer.headers.get("content-type").is_some_and(|value| {
        value.trim_start().get(..17).is_some_and(|start| start.eq_ignore_ascii_case("text/event-stream"))
    })
}

// An error and what caused it, on one line: neither holds a secret.
fn chain(error: &ProxyError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
