//! From what is known to what a page shows.

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::web::Data;
use llmgw_browser_http::{Place, put};
use llmgw_pages::Template;

use super::errors::PageError;
use crate::doors::Doors;

/// A page with this status.
pub(crate) fn page(status: StatusCode, page: &impl Template) -> Result<HttpResponse, PageError> {
    let text = page.render().map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        PageError::Broken
    })?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(text))
}

/// Answers with another page; the browser gets it by GET.
pub(crate) fn go(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header(("location", to)).finish()
}

/// Puts what browsers are to know of pages into an answer.
pub(crate) async fn headers(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let doors = request.app_data::<Data<Doors>>().cloned();
    let mut response = next.call(request).await?;
    if let Some(doors) = doors {
        put_headers(&doors, response.headers_mut());
    }
    Ok(response)
}

/// The same, for an answer that no layer sees.
pub(super) fn put_headers(doors: &Doors, headers: &mut HeaderMap) {
    let place = Place {
        origin: &doors.origin,
        forms_to: &[],
    };
    put(place, headers);
}
