//! From actix's request to the head that the pipeline takes.

use actix_web::HttpRequest;
use actix_web::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap,
};
use bytes::Bytes;
use llmgw_proxy::stage::authenticate::RequestHead;
use llmgw_proxy::{AnswerId, HeaderList, Route, named_by_connection, to_upstream};
use llmgw_types::SecretString;

use crate::origin;
use crate::routes::Gateway;

/// The head of a request to `route`, which names `answer` where it names one.
pub(crate) fn head<U>(
    gateway: &Gateway<U>,
    route: Route,
    answer: Option<AnswerId>,
    request: &HttpRequest,
) -> RequestHead {
    let services = &gateway.services;
    let headers = request.headers();
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let hop_by_hop = |name| {
        headers
            .get_all(CONNECTION)
            .any(|value| named_by_connection(value.as_bytes(), name))
    };
    let mut forwarded = HeaderList::new();
    for (name, value) in headers {
        if let Some(name) = to_upstream(name.as_str()).filter(|name| !hop_by_hop(name)) {
            forwarded.push(name, Bytes::copy_from_slice(value.as_bytes()));
        }
    }
    RequestHead {
        route,
        answer,
        query: request.uri().query().map(str::to_owned),
        key: key(headers),
        origin: origin::of(request, &gateway.proxies),
        content_type: text(CONTENT_TYPE),
        content_encoding: text(CONTENT_ENCODING),
        content_length: text(CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        headers: forwarded,
        id: RequestHead::new_id(services),
        client_request_id: client_request_id(headers),
        started: services.clock.monotonic(),
    }
}

/// The key a client shows: `Authorization: Bearer`, else `x-api-key`.
pub(crate) fn key(headers: &HeaderMap) -> Option<SecretString> {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            let (scheme, token) = value.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
    let shown = bearer.or_else(|| {
        headers
            .get("x-api-key")
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    });
    shown.filter(|key| !key.is_empty()).map(SecretString::from)
}

// Only what can stand in a log line.
fn client_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    (id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic())).then(|| id.to_owned())
}
