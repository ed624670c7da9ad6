//! Which path is served by what, and who may.

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data, JsonConfig, PathConfig, QueryConfig, ServiceConfig};
use actix_web::{HttpResponse, ResponseError};

use crate::admin::Admin;
use crate::doors::{Doors, only_known};
use crate::openapi::described;
use crate::problem::{Problem, bad_json, bad_path, bad_query};
use crate::{audit, keys, legacy, limits, models, pages, rights, usage, users};

const LONGEST_BODY: usize = 1024 * 1024;

/// Adds every route of the administration, behind `doors`.
pub fn routes(admin: Arc<Admin>, doors: Arc<Doors>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let sessions = doors.sessions(&admin);
        config
            .app_data(Data::from(admin))
            .app_data(Data::from(doors))
            .app_data(JsonConfig::default().limit(LONGEST_BODY).error_handler(bad_json))
            .app_data(QueryConfig::default().error_handler(bad_query))
            .app_data(PathConfig::default().error_handler(bad_path))
            .service(
                web::scope("/api/v1")
                    .wrap(from_fn(only_known))
                    .wrap(sessions.clone())
                    .wrap(from_fn(problems))
                    .service(resource("/openapi.json").route(web::get().to(described)))
                    .configure(of_models)
                    .configure(of_keys)
                    .configure(of_users)
                    .configure(of_limits)
                    .configure(of_usage)
                    .configure(of_audit)
                    .default_service(web::to(not_found)),
            )
            .service(
                // Scripts show the key with each call; no session is looked for.
                web::scope("/admin")
                    .wrap(from_fn(only_known))
                    .wrap(from_fn(problems))
                    .configure(of_old_calls)
                    .default_service(web::to(not_found)),
            )
            .service(
                web::scope("")
                    .wrap(from_fn(pages::only_signed_in))
                    .wrap(sessions)
                    .wrap(from_fn(pages::errors))
                    .wrap(from_fn(pages::headers))
                    .configure(pages::routes)
                    .default_service(web::to(not_found)),
            );
    }
}

/// A path, which takes the methods that are given and no other.
pub(crate) fn resource(path: &str) -> actix_web::Resource {
    web::resource(path).default_service(web::to(wrong_method))
}

fn of_models(config: &mut ServiceConfig) {
    config
        .service(resource("/target-tests").route(web::post().to(models::tested::test)))
        .service(
            resource("/models")
                .route(web::post().to(models::create))
                .route(web::get().to(models::list)),
        )
        .service(
            // Model ids may hold slashes.
            resource("/models/{id:.+}")
                .route(web::get().to(models::get))
                .route(web::put().to(models::replace))
                .route(web::delete().to(models::remove)),
        );
}

fn of_keys(config: &mut ServiceConfig) {
    config
        .service(
            resource("/keys")
                .route(web::post().to(keys::create))
                .route(web::get().to(keys::list)),
        )
        .service(
            resource("/keys/{id}")
                .route(web::get().to(keys::get))
                .route(web::patch().to(keys::change))
                .route(web::delete().to(keys::revoke)),
        )
        .service(resource("/keys/{id}/rotate").route(web::post().to(keys::rotate)))
        .service(resource("/keys/{id}/limits").route(web::get().to(limits::left::of_key)));
}

fn of_users(config: &mut ServiceConfig) {
    config
        .service(
            resource("/users")
                .route(web::post().to(users::create))
                .route(web::get().to(users::list)),
        )
        .service(
            resource("/users/{id}")
                .route(web::get().to(users::get))
                .route(web::patch().to(users::change))
                .route(web::delete().to(users::erase)),
        )
        .service(resource("/users/{id}/logout").route(web::post().to(users::sign_out)))
        .service(resource("/users/{id}/export").route(web::get().to(users::exported::export)))
        .service(resource("/users/{id}/limits").route(web::get().to(limits::left::of_user)));
}

fn of_limits(config: &mut ServiceConfig) {
    config
        .service(
            resource("/limits")
                .route(web::get().to(limits::get))
                .route(web::put().to(limits::set)),
        )
        .service(resource("/groups").route(web::get().to(limits::groups::groups)))
        .service(
            // Institutions name groups by all sorts of texts.
            resource("/groups/{group:.+}")
                .route(web::get().to(limits::groups::group))
                .route(web::put().to(limits::groups::replace_group))
                .route(web::delete().to(limits::groups::remove_group)),
        );
}

fn of_usage(config: &mut ServiceConfig) {
    config
        .service(resource("/usage").route(web::get().to(usage::report)))
        .service(resource("/usage.csv").route(web::get().to(usage::report_csv)))
        .service(resource("/usage/chargeback").route(web::get().to(usage::chargeback::chargeback)))
        .service(resource("/usage/chargeback.csv").route(web::get().to(usage::chargeback::chargeback_csv)))
        .service(resource("/usage/events").route(web::get().to(usage::events::events)))
        .service(resource("/usage/events/{request_id}").route(web::get().to(usage::events::event)));
}

fn of_audit(config: &mut ServiceConfig) {
    config
        .service(resource("/audit").route(web::get().to(audit::list)))
        .service(resource("/audit/heads").route(web::get().to(audit::heads)))
        .service(resource("/audit/verify").route(web::post().to(audit::checked)))
        .service(resource("/audit/export").route(web::get().to(audit::export)));
}

fn of_old_calls(config: &mut ServiceConfig) {
    config
        .service(resource("/addmodel").route(web::post().to(legacy::add_model)))
        .service(resource("/removemodel").route(web::post().to(legacy::remove_model)))
        .service(resource("/addapikey").route(web::post().to(legacy::add_key)))
        .service(resource("/removeapikey").route(web::post().to(legacy::remove_key)))
        .service(resource("/listkeys").route(web::get().to(legacy::list_keys)));
}

// Every error is problem details, also those that actix makes by itself.
async fn problems(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = match next.call(request).await {
        Ok(response) => response,
        // Sessions that cannot be read or written: their store is away.
        Err(error) => {
            tracing::warn!(%error, "a session cannot be read or written");
            return Err(Problem::away().into());
        }
    };
    let told = response
        .response()
        .error()
        .is_some_and(|error| error.as_error::<Problem>().is_some());
    let status = response.status();
    let mut response = if told || !(status.is_client_error() || status.is_server_error()) {
        response.map_into_boxed_body()
    } else {
        response.into_response(Problem::of_status(status).error_response())
    };
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = rights::methods(response.request().match_pattern().as_deref());
        if let Ok(allowed) = HeaderValue::try_from(allowed) {
            response.headers_mut().insert(ALLOW, allowed);
        }
    }
    Ok(response)
}

async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::nothing_here())
}

/// What answers where a path is not served by a method.
pub(crate) async fn wrong_method() -> Result<HttpResponse, Problem> {
    Err(Problem::wrong_method())
}

#[cfg(test)]
mod tests;
