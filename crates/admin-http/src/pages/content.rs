//! What administrators and auditors see.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use llmgw_pages::admin::{Place, StartPage};

use super::{PageCaller, PageError, page};
use crate::routes::resource;

/// Adds the pages.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/").route(web::get().to(start)));
}

/// `GET /`.
async fn start(who: PageCaller) -> Result<HttpResponse, PageError> {
    let shown = StartPage {
        frame: who.frame(Some(Place::Overview)),
    };
    page(StatusCode::OK, &shown)
}
