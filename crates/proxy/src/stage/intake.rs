//! Stage 2: takes the body and reads what routing needs. The body stays the bytes that came.

mod collect;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_core::Stream;

use self::collect::collect;
use super::authenticate::{Authenticated, RequestHead};
use crate::buffers::Held;
use crate::peek::{Peeked, check_depth, peek};
use crate::{BodyRefusal, Counts, Format, ModelAt, ProxyError, Route, Services, estimate, form, query};

/// Reading a body this long would hold up the other requests of a worker.
const PEEK_ELSEWHERE: usize = 1024 * 1024;

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data";

/// A request whose body was taken and read.
#[derive(Debug)]
pub struct Parsed {
    pub(super) request: Authenticated,
    pub(super) body: Arc<Held>,
    pub(super) peeked: Peeked,
    pub(super) prompt_estimate: u64,
}

/// How to read a body.
#[derive(Debug, Clone)]
enum Reading {
    Json(Counts),
    /// A form with this boundary.
    Form(String),
    /// What is asked about an answer: only whether it is no trap.
    Note,
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
    let head = &request.head;
    let most = services.settings.max_body;
    let reading = check_head(head, most)?;
    let mut room = services.buffers.room();
    let bytes = collect(body, &mut room, head.content_length, most).await?;
    let body = Arc::new(Held::new(bytes, room));
    let (peeked, prompt_estimate) = read(services, &body.bytes, reading).await?;
    if head.route.model == ModelAt::Body && peeked.model.is_none() {
        return Err(BodyRefusal::NoModel.into());
    }
    // A model server may look for it where we do not.
    if head.route.model == ModelAt::BodyIfAny
        && peeked.model.is_none()
        && head.query.as_deref().map_or(Ok(None), query::model)?.is_some()
    {
        let reason = "it stands in the query, and belongs into the body";
        return Err(BodyRefusal::Field {
            field: "model",
            reason,
        }
        .into());
    }
    let prompt_estimate = if head.route.is_free() { 0 } else { prompt_estimate };
    Ok(Parsed {
        request,
        body,
        peeked,
        prompt_estimate,
    })
}

fn check_head(head: &RequestHead, limit: usize) -> Result<Reading, BodyRefusal> {
    if let Some(encoding) = head.content_encoding.as_deref()
        && !encoding.eq_ignore_ascii_case("identity")
    {
        return Err(BodyRefusal::ContentEncoding(encoding.chars().take(64).collect()));
    }
    let reading = reading(&head.route, head.content_type.as_deref().unwrap_or(""))?;
    if head.content_length.is_some_and(|length| length > limit as u64) {
        return Err(BodyRefusal::TooLarge { limit });
    }
    Ok(reading)
}

fn reading(route: &Route, declared: &str) -> Result<Reading, BodyRefusal> {
    let essence = declared.split(';').next().unwrap_or("").trim();
    let (json, form) = match route.format {
        Format::Json => (true, false),
        Format::Form => (false, true),
        Format::JsonOrForm => (true, true),
    };
    // Most of what is asked about an answer has no body, and clients declare it as they like.
    if route.model == ModelAt::Answer {
        return Ok(Reading::Note);
    }
    if json && essence.eq_ignore_ascii_case(JSON) {
        return Ok(Reading::Json(route.counts));
    }
    if form && essence.eq_ignore_ascii_case(FORM) {
        return Ok(Reading::Form(form::boundary(declared)?.to_owned()));
    }
    Err(BodyRefusal::ContentType {
        found: declared.chars().take(64).collect(),
        wanted: if json { JSON } else { FORM },
    })
}

async fn read(services: &Services, body: &Bytes, how: Reading) -> Result<(Peeked, u64), BodyRefusal> {
    if body.len() <= PEEK_ELSEWHERE {
        return read_now(body, &how);
    }
    let slot = Arc::new(Mutex::new(None));
    let (filled, held) = (Arc::clone(&slot), body.clone());
    let work = Box::new(move || {
        *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(read_now(&held, &how));
    });
    services.offload.run(work).await;
    let read = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    // Nothing there: the work itself was dropped because the process ends.
    read.unwrap_or(Err(BodyRefusal::BrokeOff))
}

fn read_now(body: &[u8], how: &Reading) -> Result<(Peeked, u64), BodyRefusal> {
    match how {
        Reading::Json(counts) => Ok((peek(body, *counts)?, estimate::prompt_tokens(body))),
        Reading::Form(boundary) => form::peek(body, boundary),
        Reading::Note => {
            check_depth(body)?;
            Ok((Peeked::default(), 0))
        }
    }
}
