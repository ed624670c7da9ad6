//! Which path is served by what, and who may.

use std::fmt;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data, JsonConfig, PathConfig, QueryConfig, ServiceConfig};
use actix_web::{Error, HttpResponse};
use llmgw_keys::{AdminKey, KeyService, UserStore};
use llmgw_models::ModelService;
use llmgw_types::Clock;
use llmgw_usage::ledger::UsageLedger;

use crate::errors::{Problem, bad_json, bad_path, bad_query};
use crate::{keys, models, usage};

const LONGEST_BODY: usize = 1024 * 1024;

/// What the routes share.
pub struct Admin {
    /// Makes, lists and revokes keys.
    pub keys: KeyService,
    /// Makes, changes and removes models.
    pub models: ModelService,
    /// Who owns keys.
    pub users: Arc<dyn UserStore>,
    /// What was used.
    pub ledger: Arc<dyn UsageLedger>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

/// Adds every route of the administration; `key` opens them.
pub fn routes(admin: Arc<Admin>, key: AdminKey) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let api = web::scope("/api/v1")
            .wrap(from_fn(only_admin))
            .service(
                web::resource("/keys")
                    .route(web::post().to(keys::create))
                    .route(web::get().to(keys::list))
                    .default_service(web::to(wrong_method)),
            )
            .service(
                web::resource("/keys/{id}")
                    .route(web::delete().to(keys::revoke))
                    .default_service(web::to(wrong_method)),
            )
            .service(
                web::resource("/models")
                    .route(web::post().to(models::create))
                    .route(web::get().to(models::list))
                    .default_service(web::to(wrong_method)),
            )
            .service(
                // Model ids may hold slashes.
                web::resource("/models/{id:.+}")
                    .route(web::get().to(models::get))
                    .route(web::put().to(models::replace))
                    .route(web::delete().to(models::remove))
                    .default_service(web::to(wrong_method)),
            )
            .service(
                web::resource("/usage")
                    .route(web::get().to(usage::report))
                    .default_service(web::to(wrong_method)),
            )
            .service(
                web::resource("/usage/events")
                    .route(web::get().to(usage::events))
                    .default_service(web::to(wrong_method)),
            )
            .default_service(web::to(not_found));
        config
            .app_data(Data::from(admin))
            .app_data(Data::new(key))
            .app_data(JsonConfig::default().limit(LONGEST_BODY).error_handler(bad_json))
            .app_data(QueryConfig::default().error_handler(bad_query))
            .app_data(PathConfig::default().error_handler(bad_path))
            .service(api)
            .default_service(web::to(not_found));
    }
}

async fn only_admin<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let allowed = request
        .app_data::<Data<AdminKey>>()
        .is_some_and(|key| bearer(&request).is_some_and(|shown| key.matches(shown)));
    if !allowed {
        tracing::warn!(
            path = request.path(),
            peer = request.peer_addr().map(tracing::field::display),
            "admin key refused"
        );
        return Err(Problem::unauthorized().into());
    }
    to_its_end(next.call(request)).await
}

// Also when the client leaves halfway: a change that the store has kept must be told, or what was revoked goes
// on working for a while.
#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the one request it serves, which the server waits for when it stops"
)]
async fn to_its_end<T: 'static>(work: impl Future<Output = Result<T, Error>> + 'static) -> Result<T, Error> {
    let done = actix_web::rt::spawn(work).await;
    done.unwrap_or_else(|_| Err(Problem::broken().into()))
}

fn bearer(request: &ServiceRequest) -> Option<&str> {
    let (scheme, token) = request
        .headers()
        .get(AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found(
        "There is nothing at this path. The API begins at /api/v1.",
    ))
}

async fn wrong_method() -> Result<HttpResponse, Problem> {
    Err(Problem::wrong_method())
}

#[cfg(test)]
mod tests;
