//! The pages: who is let in, what went wrong, and how somebody comes and goes. What they look like is in
//! `llmgw_pages::admin`.

mod caller;
mod content;
mod errors;
mod sign_in;
mod views;

pub(crate) use caller::{Fields, PageCaller, PageChange, only_signed_in};
pub(crate) use errors::{PageError, errors};
pub(crate) use views::{go, headers, page};

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{self, Path, ServiceConfig};

use crate::problem::Problem;
use crate::routes::resource;

/// Adds the pages. What each needs is in `rights.rs`.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/static/{name}").route(web::get().to(asset)))
        .service(resource("/favicon.ico").route(web::get().to(icon)))
        .service(
            resource("/sign-in")
                .route(web::get().to(sign_in::ask))
                .route(web::post().to(sign_in::by_key)),
        )
        .service(resource("/handover").route(web::post().to(sign_in::handed_over)))
        .service(resource("/logout").route(web::post().to(sign_in::leave)))
        .configure(content::routes);
}

async fn asset(name: Path<String>) -> Result<HttpResponse, Problem> {
    let path = format!("/static/{name}");
    let asset = llmgw_pages::look::asset(&path).ok_or_else(Problem::nothing_here)?;
    // The name changes with the content.
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, forever))
        .content_type(asset.content_type)
        .body(asset.body))
}

// Browsers ask for it whatever the page says.
async fn icon() -> HttpResponse {
    go(llmgw_pages::look::icon_path())
}
