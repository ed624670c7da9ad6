//! Stage 2: takes the body and reads what routing needs. The body stays the bytes that came.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;

use super::authenticate::{Authenticated, RequestHead};
use crate::buffers::{Held, Room};
use crate::peek::{Peeked, peek};
use crate::{BodyRefusal, ProxyError, Services, estimate};

/// Reading a body this long would hold up the other requests of a worker.
const PEEK_ELSEWHERE: usize = 1024 * 1024;

/// A request whose body was taken and read.
#[derive(Debug)]
pub struct Parsed {
    pub(super) request: Authenticated,
    pub(super) body: Arc<Held>,
    pub(super) peeked: Peeked,
    pub(super) prompt_estimate: u64,
}

/// Takes the body.
///
/// # Errors
/// [`ProxyError::Body`] with the reason.
pub async fn intake(
    services: &Services,
    request: Authenticated,
    body: impl Stream<Item = Result<Bytes, BodyRefusal>> + Unpin,
) -> Result<Parsed, ProxyError> {
    check_head(&request.head, services.settings.max_body)?;
    let mut room = services.buffers.room();
    let bytes = collect(body, &mut room, services.settings.max_body).await?;
    let body = Arc::new(Held::new(bytes, room));
    let (peeked, prompt_estimate) = read(services, &body.bytes).await?;
    Ok(Parsed {
        request,
        body,
        peeked,
        prompt_estimate,
    })
}

fn check_head(head: &RequestHead, limit: usize) -> Result<(), BodyRefusal> {
    if let Some(encoding) = head.content_encoding.as_deref()
        && !encoding.eq_ignore_ascii_case("identity")
    {
        return Err(BodyRefusal::ContentEncoding(encoding.chars().take(64).collect()));
    }
    let declared = head.content_type.as_deref().unwrap_or("");
    let essence = declared.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(BodyRefusal::ContentType(declared.chars().take(64).collect()));
    }
    if head.content_length.is_some_and(|length| length > limit as u64) {
        return Err(BodyRefusal::TooLarge { limit });
    }
    Ok(())
}

async fn collect(
    mut body: impl Stream<Item = Result<Bytes, BodyRefusal>> + Unpin,
    room: &mut Room,
    limit: usize,
) -> Result<Bytes, BodyRefusal> {
    // Most bodies come in one read: those are never copied.
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        if first.len() + rest.len() + chunk.len() > limit {
            return Err(BodyRefusal::TooLarge { limit });
        }
        if !room.grow(chunk.len()) {
            return Err(BodyRefusal::BuffersFull);
        }
        if first.is_empty() && rest.is_empty() {
            first = chunk;
        } else {
            rest.extend_from_slice(&std::mem::take(&mut first));
            rest.extend_from_slice(&chunk);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

async fn read(services: &Services, body: &Bytes) -> Result<(Peeked, u64), BodyRefusal> {
    if body.len() <= PEEK_ELSEWHERE {
        return read_now(body);
    }
    let slot = Arc::new(Mutex::new(None));
    let (filled, held) = (Arc::clone(&slot), body.clone());
    let work = Box::new(move || {
        *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(read_now(&held));
    });
    services.offload.run(work).await;
    let read = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    // Nothing there: the work itself was dropped because the process ends.
    read.unwrap_or(Err(BodyRefusal::BrokeOff))
}

fn read_now(body: &[u8]) -> Result<(Peeked, u64), BodyRefusal> {
    Ok((peek(body)?, estimate::prompt_tokens(body)))
}
