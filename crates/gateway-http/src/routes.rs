//! Which path is served by what. Nothing else is: a model server has paths that must never be reachable.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use llmgw_proxy::{Dialect, ROUTES, Services, Upstream};

use llmgw_keys::Proxies;

use crate::api_error::ApiError;
use crate::{info, relay};

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
pub fn routes<U: Upstream + 'static>(gateway: Gateway<U>) -> impl FnOnce(&mut ServiceConfig) {
    let gateway = Data::new(gateway);
    move |config| {
        for route in ROUTES {
            let relay = move |request: HttpRequest, payload: web::Payload, gateway: Data<Gateway<U>>| async move {
                relay::relay(route, request, payload, &gateway).await
            };
            let resource = web::resource(route.path)
                .route(web::post().to(relay))
                .default_service(web::to(move || async move { wrong_method(route.dialect) }));
            config.service(resource);
        }
        config
            .service(only_get("/v1/models", web::get().to(info::models::<U>)))
            .service(only_get("/v1/models/{id:.+}", web::get().to(info::model::<U>)))
            .service(only_get("/v1/key", web::get().to(info::key::<U>)))
            .default_service(web::to(not_found))
            .app_data(gateway);
    }
}

fn only_get(path: &str, route: actix_web::Route) -> actix_web::Resource {
    web::resource(path)
        .route(route)
        .default_service(web::to(|| async { wrong_method(Dialect::OpenAi) }))
}

fn wrong_method(dialect: Dialect) -> HttpResponse {
    ApiError::wrong_method(dialect).error_response()
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    ApiError::unknown_path(request.method().as_str(), request.path()).error_response()
}
