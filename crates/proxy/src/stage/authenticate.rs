//! Stage 1: whose request is it? Before any of its body is read.

use std::sync::Arc;
use std::time::Duration;

use llmgw_keys::{Grant, KeyRefusal, Origin};
use llmgw_types::{ExposeSecret, RequestId, SecretString, random};

use crate::endpoint::Route;
use crate::{AnswerId, HeaderList, ProxyError, Services};

/// The head of a client's request.
#[derive(Debug)]
pub struct RequestHead {
    /// What it asks for.
    pub route: Route,
    /// The answer that its path names, where it names one.
    pub answer: Option<AnswerId>,
    /// What stands behind the `?` of its path, as it came.
    pub query: Option<String>,
    /// The key it shows.
    pub key: Option<SecretString>,
    /// Where it comes from, if that is known.
    pub origin: Option<Origin>,
    /// Its `content-type`.
    pub content_type: Option<String>,
    /// Its `content-encoding`.
    pub content_encoding: Option<String>,
    /// The length it announces.
    pub content_length: Option<u64>,
    /// The fields that go on to the model server.
    pub headers: HeaderList,
    /// The id it was given when its head arrived.
    pub id: RequestId,
    /// The `x-request-id` it came with, for the log.
    pub client_request_id: Option<String>,
    /// When its head arrived, on the clock that never steps.
    pub started: Duration,
}

impl RequestHead {
    /// An id for a request that arrives now.
    #[must_use]
    pub fn new_id(services: &Services) -> RequestId {
        RequestId::new(services.clock.now(), random(&*services.entropy))
    }
}

/// A request whose key is known and may be used.
#[derive(Debug)]
pub struct Authenticated {
    // In a box, because it goes on from stage to stage.
    pub(super) head: Box<RequestHead>,
    pub(super) grant: Arc<Grant>,
}

/// Finds the key's record.
///
/// # Errors
/// [`ProxyError::NoKey`], [`ProxyError::Key`], [`ProxyError::TooManyFailures`], or [`ProxyError::Store`] when it
/// could not be looked up.
pub async fn authenticate(services: &Services, head: RequestHead) -> Result<Authenticated, ProxyError> {
    let grant = grant(services, head.key.as_ref(), head.origin).await?;
    let head = Box::new(head);
    Ok(Authenticated { head, grant })
}

/// The grant behind a key, for requests that have no body.
///
/// # Errors
/// As for [`authenticate`].
pub async fn grant(
    services: &Services,
    key: Option<&SecretString>,
    origin: Option<Origin>,
) -> Result<Arc<Grant>, ProxyError> {
    let key = key.ok_or(ProxyError::NoKey)?;
    let found = services
        .keys
        .find(key.expose_secret(), services.clock.now())
        .await?;
    found.map_err(|refusal| refused(services, refusal, origin))
}

// Counted after the look-up: a good key is never slowed down, whoever else is at its address.
fn refused(services: &Services, refusal: KeyRefusal, origin: Option<Origin>) -> ProxyError {
    let now = services.clock.monotonic();
    match origin.and_then(|origin| services.failures.note(origin, now)) {
        Some(wait) => ProxyError::TooManyFailures { wait },
        None => ProxyError::Key(refusal),
    }
}
