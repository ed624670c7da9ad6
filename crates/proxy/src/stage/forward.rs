//! Stage 5: to the model server, targets in order, tried again only before a byte of an answer came.

use bytes::Bytes;
use futures_util::StreamExt;
use llmgw_models::{Quirk, Stop};
use llmgw_usage::admission::RuleState;

use super::admit::Admitted;
use crate::edit::{self, Edit};
use crate::guard::Guard;
use crate::peek::Peeked;
use crate::slots::Slot;
use crate::{
    BodyRefusal, HeaderList, Method, ProxyError, RequestBody, Services, Upstream, UpstreamAnswer,
    UpstreamError, UpstreamRequest,
};

/// A longer body is not kept until the end of its answer: a thousand slow streams would hold all memory that
/// bodies may take. Where its model server reports no usage, its prompt is estimated.
const LONGEST_KEPT: usize = 256 * 1024;

/// A request whose answer has begun.
pub struct Answered<B> {
    pub(super) guard: Guard,
    pub(super) slot: Option<Slot>,
    pub(super) answer: UpstreamAnswer<B>,
    pub(super) first: Option<Bytes>,
    pub(super) take_usage_out: bool,
    pub(super) limits: Vec<RuleState>,
    pub(super) peeked: Peeked,
}

impl<B> std::fmt::Debug for Answered<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answered")
            .field("status", &self.answer.status)
            .finish_non_exhaustive()
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
        Ok(begun) => {
            forget_if_deleted(services, &mut admitted, begun.answer.status).await;
            Ok(begun.answered(admitted))
        }
        Err(error) => {
            admitted.guard.fail(failure_status(&error));
            Err(error)
        }
    }
}

// The model server does not keep it any more.
async fn forget_if_deleted(services: &Services, admitted: &mut Admitted, status: u16) {
    let Some(running) = admitted.guard.running() else {
        return;
    };
    if let Some(answer) = &admitted.answer
        && running.route.method == Method::Delete
        && (200..300).contains(&status)
    {
        let user = running.grant.principal.user;
        if let Err(error) = services.answers.remove(user, answer.as_str()).await {
            tracing::warn!(%error, "where an answer was is not forgotten; it will be in time");
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

/// An answer that has begun, and where.
struct Begun<B> {
    stop: Stop,
    slot: Option<Slot>,
    answer: UpstreamAnswer<B>,
    first: Option<Bytes>,
    asked_for_usage: bool,
}

impl<B> Begun<B> {
    fn answered(self, mut admitted: Admitted) -> Answered<B> {
        if let Some(running) = admitted.guard.running() {
            running.sent_to(&self.stop);
            running.status = self.answer.status;
            running.streamed |= is_event_stream(&self.answer);
            if admitted.body.bytes.len() > LONGEST_KEPT {
                running.body = None;
            }
        }
        let Admitted {
            guard,
            limits,
            peeked,
            ..
        } = admitted;
        let Self {
            slot,
            answer,
            first,
            asked_for_usage,
            ..
        } = self;
        Answered {
            guard,
            slot,
            answer,
            first,
            take_usage_out: asked_for_usage,
            limits,
            peeked,
        }
    }
}

async fn try_targets<U: Upstream>(
    services: &Services,
    upstream: &U,
    admitted: &mut Admitted,
) -> Result<Begun<U::Body>, ProxyError> {
    let mut failed = ProxyError::TargetsFull;
    // What a target said that cannot take it now: the client gets it if no other target does better.
    let mut refused = None;
    for stop in std::mem::take(&mut admitted.stops) {
        let Some(slot) = services.slots.take(&stop.target) else {
            continue;
        };
        match attempt(services, upstream, admitted, stop, slot).await {
            Ok(begun) if refused_for_now(begun.answer.status) => refused = Some(begun),
            Ok(begun) => return Ok(begun),
            Err(error) => {
                let again = may_be_tried_again(&error);
                failed = error;
                if !again {
                    break;
                }
            }
        }
    }
    refused.ok_or(failed)
}

// Another target may take what this one cannot take now.
const fn refused_for_now(status: u16) -> bool {
    matches!(status, 429 | 502 | 503)
}

// No byte of an answer came, and another target may be better off.
pub(super) fn may_be_tried_again(error: &ProxyError) -> bool {
    match error {
        ProxyError::Upstream(UpstreamError::NoSocket(status)) => refused_for_now(*status),
        ProxyError::Upstream(UpstreamError::Connect(_) | UpstreamError::Broken(_))
        | ProxyError::EmptyStream
        | ProxyError::Store(_) => true,
        _ => false,
    }
}

async fn attempt<U: Upstream>(
    services: &Services,
    upstream: &U,
    admitted: &mut Admitted,
    stop: Stop,
    slot: Option<Slot>,
) -> Result<Begun<U::Body>, ProxyError> {
    let sent = send(services, upstream, admitted, &stop).await;
    sent.map(|(answer, first, asked_for_usage)| Begun {
        stop: stop.clone(),
        slot,
        answer,
        first,
        asked_for_usage,
    })
    .inspect_err(|error| warn(admitted, &stop, error))
}

/// Says that a target failed.
pub(super) fn warn(admitted: &mut Admitted, stop: &Stop, error: &ProxyError) {
    let id = admitted.guard.running().map(|running| running.id.to_string());
    tracing::warn!(request.id = id, target.id = %stop.target.id, error = %chain(error), "target failed");
}

type Sent<B> = (UpstreamAnswer<B>, Option<Bytes>, bool);

async fn send<U: Upstream>(
    services: &Services,
    upstream: &U,
    admitted: &mut Admitted,
    stop: &Stop,
) -> Result<Sent<U::Body>, ProxyError> {
    let Admitted {
        guard,
        headers: from_client,
        path,
        body,
        peeked,
        ..
    } = admitted;
    let Some(running) = guard.running() else {
        return Err(ProxyError::Busy);
    };
    running.sent_to(stop);
    let route = running.route;
    let ask = route.asks_for_stream_usage
        && peeked.stream
        && !peeked.include_usage
        && !stop.target.has(Quirk::NoStreamUsage);
    let edited = edit::apply(
        &body.bytes,
        peeked,
        Edit {
            model: &stop.model,
            ask_for_usage: ask,
        },
    );
    let mut room = services.buffers.room();
    if !edited.shares(&body.bytes) && !room.grow(usize::try_from(edited.len()).unwrap_or(usize::MAX)) {
        return Err(BodyRefusal::BuffersFull.into());
    }
    let timeouts = &running.served.model.timeouts;
    let request = UpstreamRequest {
        method: route.method,
        url: format!("{}{path}", stop.target.base_url),
        headers: headers(from_client, &running.id.to_string()),
        secret: services.secrets.resolve(&stop.target).await?,
        body: if route.method == Method::Post {
            edited
        } else {
            RequestBody::default()
        },
        first_byte_timeout: timeouts.first_byte(),
        idle_timeout: timeouts.idle(),
    };
    let mut answer = upstream.send(request).await.map_err(ProxyError::Upstream)?;
    let first = first_bytes(&mut answer, route.generates()).await?;
    Ok((answer, first, ask))
}

// Our id goes along, so that a model server's log can be matched with the ledger.
pub(super) fn headers(from_client: &HeaderList, id: &str) -> HeaderList {
    let mut headers = from_client.clone();
    headers.push("x-request-id", Bytes::copy_from_slice(id.as_bytes()));
    headers
}

// A stream that ends before its first byte is a failure that the client can still be told by a status; so is a
// generated answer without a byte.
async fn first_bytes<B>(answer: &mut UpstreamAnswer<B>, generates: bool) -> Result<Option<Bytes>, ProxyError>
where
    B: futures_core::Stream<Item = Result<Bytes, UpstreamError>> + Unpin,
{
    let well = (200..300).contains(&answer.status);
    if !well || !(is_event_stream(answer) || generates) {
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

/// The media type of an answer, empty where it names none.
pub(super) fn media_type<B>(answer: &UpstreamAnswer<B>) -> &str {
    let declared = answer.headers.get("content-type").unwrap_or_default();
    declared.split(';').next().unwrap_or_default().trim()
}

/// Whether an answer is a stream of events.
pub(super) fn is_event_stream<B>(answer: &UpstreamAnswer<B>) -> bool {
    let prefix = "text/event-stream";
    media_type(answer)
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
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
