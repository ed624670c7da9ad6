//! Which path is served by what.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, FormConfig, Path, PathConfig, QueryConfig, ServiceConfig};
use llmgw_browser_http::{CookieKey, Kept, sessions};

use crate::errors::PageError;
use crate::portal::Portal;
use crate::{api, headers, local, pages, saml, views};

/// The session's cookie. Browsers take it from this host only, over TLS (or on this machine), for every path.
const COOKIE: &str = "__Host-llmgw";

/// An encrypted assertion with many groups has some 20 KiB.
const LONGEST_SAML: usize = 512 * 1024;

/// Adds every route of the portal.
pub fn routes(portal: Arc<Portal>, key: CookieKey) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let kept = Kept {
            sessions: Arc::clone(&portal.sessions),
            clock: Arc::clone(&portal.clock),
            entropy: Arc::clone(&portal.entropy),
            lasts: portal.site.lasts,
            idle: portal.site.idle,
        };
        let sessions = sessions(kept, COOKIE, key);
        let longest = FormConfig::default()
            .limit(LONGEST_SAML)
            .error_handler(|_, _| PageError::Refused.into());
        config
            .app_data(Data::from(portal))
            .app_data(longest)
            .app_data(QueryConfig::default().error_handler(|_, _| PageError::NotFound.into()))
            .app_data(PathConfig::default().error_handler(|_, _| PageError::NotFound.into()))
            .service(
                web::scope("")
                    .wrap(sessions)
                    .wrap(from_fn(views::errors))
                    .wrap(from_fn(headers::add))
                    .configure(saml_routes)
                    .configure(page_routes)
                    .configure(api::routes)
                    .default_service(web::to(async || Err::<HttpResponse, _>(PageError::NotFound))),
            );
    }
}

fn resource(path: &str) -> actix_web::Resource {
    web::resource(path).default_service(web::to(async || Err::<HttpResponse, _>(PageError::Method)))
}

fn saml_routes(config: &mut ServiceConfig) {
    config
        .service(resource("/saml/metadata").route(web::get().to(saml::metadata)))
        .service(resource("/saml/login").route(web::get().to(saml::login)))
        .service(resource("/saml/acs").route(web::post().to(saml::acs)))
        .service(resource("/saml/slo").route(web::get().to(saml::confirm)))
        .service(
            resource("/saml/sls")
                .route(web::get().to(saml::from_query))
                .route(web::post().to(saml::from_form)),
        )
        .service(resource("/local/login").route(web::get().to(local::login)));
}

fn page_routes(config: &mut ServiceConfig) {
    config
        .service(resource("/").route(web::get().to(pages::first)))
        .service(resource("/static/{name}").route(web::get().to(asset)))
        .service(resource("/favicon.ico").route(web::get().to(pages::icon)))
        .service(
            resource("/agreement")
                .route(web::get().to(pages::agreement))
                .route(web::post().to(pages::accept)),
        )
        .service(
            resource("/keys")
                .route(web::get().to(pages::keys))
                .route(web::post().to(pages::make_key)),
        )
        .service(resource("/keys/{id}/rename").route(web::post().to(pages::rename_key)))
        .service(resource("/keys/{id}/rotate").route(web::post().to(pages::rotate_key)))
        .service(
            resource("/keys/{id}/revoke")
                .route(web::get().to(pages::ask_to_revoke))
                .route(web::post().to(pages::revoke_key)),
        )
        .service(resource("/usage").route(web::get().to(pages::usage)))
        .service(resource("/usage.csv").route(web::get().to(pages::usage_csv)))
        .service(resource("/limits").route(web::get().to(pages::limits)))
        .service(resource("/models").route(web::get().to(pages::models)))
        .service(resource("/logout").route(web::post().to(pages::leave)))
        .service(resource("/logout/everywhere").route(web::post().to(pages::leave_everywhere)))
        .service(resource("/handover").route(web::post().to(pages::hand_over)));
}

async fn asset(name: Path<String>) -> Result<HttpResponse, PageError> {
    let path = format!("/static/{name}");
    let asset = llmgw_pages::look::asset(&path).ok_or(PageError::NotFound)?;
    // The name changes with the content.
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, forever))
        .content_type(asset.content_type)
        .body(asset.body))
}

#[cfg(test)]
mod tests;
