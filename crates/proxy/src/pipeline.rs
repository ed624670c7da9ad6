//! The way of one request, from its head to the body of its answer. What a stage needs from the one before
//! is in that one's type, so the order cannot be changed and no stage left out.

use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use llmgw_types::Event;

use crate::stage::admit::admit;
use crate::stage::authenticate::{RequestHead, authenticate};
use crate::stage::forward::forward;
use crate::stage::intake::intake;
use crate::stage::meter::{Answer, meter};
use crate::stage::resolve::resolve;
use crate::{BodyRefusal, ProxyError, Services, Upstream};

/// Takes a request all the way to its answer. The seventh stage, settle, follows when the answer's body is
/// dropped, read to its end or not.
///
/// Dropping the future at any point gives back or settles what was reserved, and closes the connection to
/// the model server.
///
/// # Errors
/// Every reason for which there is no answer of a model; see [`ProxyError`].
pub async fn answer<U: Upstream>(
    services: &Arc<Services>,
    upstream: &U,
    head: RequestHead,
    body: impl Stream<Item = Result<Bytes, BodyRefusal>> + Unpin,
) -> Result<Answer<U::Body>, ProxyError> {
    // 1. Before a byte of the body is read: strangers cost nothing.
    let request = authenticate(services, head).await?;
    // 2. The body, as the bytes that came, and the few fields that matter.
    let parsed = intake(services, request, body).await?;
    // 3. Which model, and where is it?
    let routed = resolve(services, parsed).await?;
    // 4. All limits or none; the guard and the journal's note are made here.
    let admitted = admit(services, routed).await?;
    services.observer.observe(&Event::RequestStarted);
    // 5. To the model server.
    let answered = forward(services, upstream, admitted).await?;
    // 6. Back to the client, counted as it passes.
    Ok(meter(answered))
}
