//! Which path is served by what. Nothing else is: a model server has paths that must never be reachable.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError};
use llmgw_proxy::{Dialect, Method, ModelAt, ROUTES, Services, Sockets, Upstream};

use llmgw_keys::Proxies;

use crate::api_error::ApiError;
use crate::{info, realtime, relay};

/// What the routes of one worker share.
#[derive(Debug)]
pub struct Gateway<U> {
    /// The stages' ports and settings.
    pub services: Arc<Services>,
    /// The worker's own client.
    pub upstream: U,
    /// How long a body may take to arrive.
    pub body_within: Duration,
    /// Where requests come from.
    pub proxies: Proxies,
}

/// Adds every route of the LLM API.
pub fn routes<U: Upstream + Sockets + 'static>(gateway: Gateway<U>) -> impl FnOnce(&mut ServiceConfig) {
    let gateway = Data::new(gateway);
    move |config| {
        for path in paths() {
            config.service(relaying::<U>(path));
        }
        config
            .service(only_get("/v1/models", web::get().to(info::models::<U>)))
            .service(
                only_get("/v1/models/{id:.+}", web::get().to(info::model::<U>))
                    .route(web::delete().to(|| async { ApiError::no_deleting().error_response() })),
            )
            .service(only_get("/v1/key", web::get().to(info::key::<U>)))
            .default_service(web::to(not_found))
            .app_data(gateway);
    }
}

// Every path once, whatever its methods, in the order of the table.
fn paths() -> Vec<&'static str> {
    let mut paths: Vec<_> = ROUTES.iter().map(|route| route.path).collect();
    paths.dedup();
    paths
}

fn relaying<U: Upstream + Sockets + 'static>(path: &'static str) -> Resource {
    let mut resource = web::resource(path);
    let (mut allowed, mut dialect) = (Vec::new(), Dialect::OpenAi);
    for route in ROUTES.into_iter().filter(|route| route.path == path) {
        let relay = move |request: HttpRequest, payload: web::Payload, gateway: Data<Gateway<U>>| async move {
            match route.model {
                ModelAt::Query => realtime::realtime(route, request, payload, &gateway).await,
                _ => relay::relay(route, request, payload, &gateway).await,
            }
        };
        let (method, name) = match route.method {
            Method::Get => (web::get(), "GET"),
            Method::Post => (web::post(), "POST"),
            Method::Delete => (web::delete(), "DELETE"),
        };
        resource = resource.route(method.to(relay));
        allowed.push(name);
        dialect = route.dialect;
    }
    let allowed = allowed.join(", ");
    resource.default_service(web::to(move |request: HttpRequest| {
        let (allowed, listing) = (allowed.clone(), is_listing(&request));
        async move { wrong_method(dialect, &allowed, listing) }
    }))
}

// Whoever asks for all chats that are kept would see those of others, too: model servers do not know our users.
fn is_listing(request: &HttpRequest) -> bool {
    request.method() == actix_web::http::Method::GET && request.path() == "/v1/chat/completions"
}

fn only_get(path: &str, route: actix_web::Route) -> Resource {
    web::resource(path)
        .route(route)
        .default_service(web::to(|| async { wrong_method(Dialect::OpenAi, "GET", false) }))
}

fn wrong_method(dialect: Dialect, allowed: &str, listing: bool) -> HttpResponse {
    let error = if listing {
        ApiError::no_listing()
    } else {
        ApiError::wrong_method(dialect)
    };
    let mut response = error.error_response();
    // RFC 9110 15.5.6.
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    ApiError::unknown_path(request.method().as_str(), request.path()).error_response()
}
