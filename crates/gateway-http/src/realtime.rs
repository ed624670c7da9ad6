//! A WebSocket between a client and a model server.

mod frames;
mod tunnel;

use std::sync::Arc;

use actix_http::ws::{hash_key, verify_handshake};
use actix_web::body::BodyStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use llmgw_proxy::stage::authenticate::RequestHead;
use llmgw_proxy::{Opened, Route, Sockets, open};
use llmgw_types::{RequestId, SecretString};

use self::tunnel::{Ends, Tunnel};
use crate::api_error::ApiError;
use crate::relay::{X_REQUEST_ID, failed};
use crate::routes::Gateway;
use crate::{extract, limits};

/// Browsers can send no header field with a WebSocket; OpenAI's client puts the key here.
const KEY_AS_PROTOCOL: &str = "openai-insecure-api-key.";

const WEBSOCKET: &str = "websocket";

/// Opens a socket to a model server and puts the client's end to it.
pub(crate) async fn realtime<U: Sockets>(
    route: Route,
    request: HttpRequest,
    payload: web::Payload,
    gateway: &Gateway<U>,
) -> HttpResponse
where
    U::Incoming: 'static,
    U::Outgoing: 'static,
{
    if let Some(why) = no_handshake(&request) {
        let mut refusal = ApiError::no_websocket(&why).error_response();
        // RFC 9110 15.5.22.
        let upgrade = HeaderValue::from_static(WEBSOCKET);
        refusal.headers_mut().insert(UPGRADE, upgrade);
        return refusal;
    }
    let (key, offered) = protocols(request.headers());
    let mut head: RequestHead = extract::head(gateway, route, None, &request);
    head.key = head.key.or(key);
    let id = head.id;
    let opened = open(&gateway.services, &gateway.upstream, head, offered.as_deref());
    match opened.await {
        Ok(opened) => {
            let mut response = switch(id, &request, &opened, offered.as_deref());
            let ends = Ends {
                payload,
                session: opened.session,
                socket: opened.socket,
                longest: gateway.services.settings.max_body,
                dialect: route.dialect,
                id,
            };
            let tunnel = Tunnel::between(Arc::clone(&gateway.services), ends);
            response.body(BodyStream::new(tunnel))
        }
        Err(error) => failed(&gateway.services, error, route.dialect, id).error_response(),
    }
}

// actix's own look takes whatever has the word in it, and its decoder only the word.
fn no_handshake(request: &HttpRequest) -> Option<String> {
    if let Err(error) = verify_handshake(request.head()) {
        return Some(error.to_string());
    }
    let wanted = request.headers().get(UPGRADE)?.as_bytes();
    (!wanted.eq_ignore_ascii_case(WEBSOCKET.as_bytes()))
        .then(|| format!("`Upgrade` is not `{WEBSOCKET}` alone"))
}

fn switch<I, O>(
    id: RequestId,
    request: &HttpRequest,
    opened: &Opened<I, O>,
    offered: Option<&str>,
) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
    response.upgrade(WEBSOCKET);
    if let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY) {
        let accept = hash_key(key.as_bytes());
        if let Ok(accept) = HeaderValue::from_bytes(&accept) {
            response.insert_header((SEC_WEBSOCKET_ACCEPT, accept));
        }
    }
    // Browsers close a socket whose server chose none of those they offered, and their key is one of them.
    let first = offered.and_then(|offered| offered.split(',').next());
    if let Some(protocol) = opened.socket.protocol.as_deref().or(first) {
        response.insert_header((SEC_WEBSOCKET_PROTOCOL, protocol.trim()));
    }
    limits::headers(&opened.limits, opened.admitted_at, |name, value| {
        response.insert_header((name, value));
    });
    response.insert_header((X_REQUEST_ID, id.to_string()));
    response
}

// The key among the protocols that are offered, and the others.
fn protocols(headers: &HeaderMap) -> (Option<SecretString>, Option<String>) {
    let lists = headers.get_all(SEC_WEBSOCKET_PROTOCOL);
    let offered = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(',').map(str::trim));
    let (mut key, mut others) = (None, Vec::new());
    for protocol in offered.filter(|protocol| !protocol.is_empty()) {
        match protocol.strip_prefix(KEY_AS_PROTOCOL) {
            Some(shown) => key = Some(SecretString::from(shown)),
            None => others.push(protocol),
        }
    }
    let others = (!others.is_empty()).then(|| others.join(", "));
    (key, others)
}
