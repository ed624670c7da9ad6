//! The self service as REST, below `/api/v1/me`: the same session, the same rules, errors as problem details.

mod keys;
mod me;
mod used;

pub(crate) use keys::{end, known_models, make, replace};
pub(crate) use me::accept_version;
pub(crate) use used::During;

use actix_web::HttpResponse;
use actix_web::web::{self, JsonConfig, ServiceConfig};
use utoipa::OpenApi;

use crate::errors::PageError;

/// Where it is.
pub(crate) const BASE: &str = "/api/v1/me";

const LONGEST_BODY: usize = 64 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "LLMGateway self service",
        description = "What people do with their own keys, and see of their own use. It is opened by the session of \
                       the portal; every change carries the session's token, which `GET /api/v1/me` tells, as \
                       `X-CSRF-Token`. Errors are problem details (RFC 9457)."
    ),
    paths(
        me::show,
        me::accept,
        me::leave,
        keys::list,
        keys::create,
        keys::rename,
        keys::rotate,
        keys::revoke,
        used::usage,
        used::limits,
        used::models
    ),
    components(schemas(
        me::Me,
        me::Accepted,
        me::Leaving,
        keys::Key,
        keys::Keys,
        keys::NewKey,
        keys::Renamed,
        keys::Rotated,
        used::Usage,
        used::Total,
        used::Part,
        used::Limits,
        used::Limit,
        used::Models,
        used::Model,
        Problem
    ))
)]
struct Described;

/// What went wrong (RFC 9457).
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Problem {
    /// `about:blank`: the status says it.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// The status in words.
    pub(crate) title: &'static str,
    /// The status.
    pub(crate) status: u16,
    /// What to do.
    pub(crate) detail: String,
    /// A word for programs: `not_signed_in`, `agreement`, `csrf`, `not_found`, `invalid`, `conflict`, `away`, ...
    pub(crate) code: &'static str,
}

/// The API's description (OpenAPI 3.1), as `GET /api/v1/openapi.json` gives it.
///
/// # Errors
/// When it cannot be written.
pub fn openapi() -> Result<String, serde_json::Error> {
    Described::openapi().to_pretty_json()
}

async fn described() -> Result<HttpResponse, PageError> {
    let text = openapi().map_err(|_| PageError::Broken)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(text))
}

fn resource(path: &str) -> actix_web::Resource {
    web::resource(format!("{BASE}{path}"))
        .default_service(web::to(async || Err::<HttpResponse, _>(PageError::Method)))
}

/// Adds its routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let json = JsonConfig::default()
        .limit(LONGEST_BODY)
        .error_handler(|error, _| {
            let what = match &error {
                actix_web::error::JsonPayloadError::ContentType => {
                    "Send a JSON body with `Content-Type: application/json`.".to_owned()
                }
                actix_web::error::JsonPayloadError::Deserialize(error) => {
                    format!("The body does not fit: {error}.")
                }
                other => format!("The body cannot be read: {other}."),
            };
            PageError::Invalid(what).into()
        });
    config
        .app_data(json)
        .service(web::resource("/api/v1/openapi.json").route(web::get().to(described)))
        .service(resource("").route(web::get().to(me::show)))
        .service(resource("/agreement").route(web::post().to(me::accept)))
        .service(resource("/logout").route(web::post().to(me::leave)))
        .service(
            resource("/keys")
                .route(web::get().to(keys::list))
                .route(web::post().to(keys::create)),
        )
        .service(
            resource("/keys/{id}")
                .route(web::patch().to(keys::rename))
                .route(web::delete().to(keys::revoke)),
        )
        .service(resource("/keys/{id}/rotate").route(web::post().to(keys::rotate)))
        .service(resource("/usage").route(web::get().to(used::usage)))
        .service(resource("/limits").route(web::get().to(used::limits)))
        .service(resource("/models").route(web::get().to(used::models)));
}
