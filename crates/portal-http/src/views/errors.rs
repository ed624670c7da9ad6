//! What went wrong, as a page or, below `/api`, as problem details.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};
use llmgw_pages::portal::{ErrorPage, RefusedPage};
use url::form_urlencoded::byte_serialize;

use super::{frame, page};
use crate::api::Problem;
use crate::errors::PageError;
use crate::headers;
use crate::portal::Portal;

/// Puts the page or the problem details into an answer that is an error.
pub(crate) async fn errors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    // The request itself belongs to whoever handles it.
    let asked = Asked {
        portal: request.app_data::<Data<Portal>>().cloned(),
        api: request.path().starts_with("/api/"),
        get: request.method() == Method::GET,
    };
    match next.call(request).await {
        Ok(response) => {
            let error = response
                .response()
                .error()
                .map(|error| match error.as_error::<PageError>() {
                    Some(error) => asked.show(error),
                    None => asked.show(&of_status(response.status())),
                });
            Ok(match error {
                Some(page) => response.into_response(page),
                None => response.map_into_boxed_body(),
            })
        }
        // Sessions that cannot be read or written: their store is away.
        Err(error) => {
            tracing::warn!(%error, "a session cannot be read or written");
            let mut page = asked.show(&PageError::Away);
            if let Some(portal) = &asked.portal {
                headers::put(portal, page.headers_mut());
            }
            Err(InternalError::from_response(error, page).into())
        }
    }
}

/// What is known of a request when its handler is done.
struct Asked {
    portal: Option<Data<Portal>>,
    api: bool,
    get: bool,
}

// What actix refuses by itself.
fn of_status(status: StatusCode) -> PageError {
    match status {
        StatusCode::NOT_FOUND => PageError::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => PageError::Method,
        StatusCode::PAYLOAD_TOO_LARGE => PageError::TooLong,
        status if status.is_client_error() => PageError::Invalid("The request cannot be read.".to_owned()),
        _ => PageError::Broken,
    }
}

impl Asked {
    fn show(&self, error: &PageError) -> HttpResponse {
        if self.api {
            return problem(error);
        }
        match error {
            PageError::SignIn { back } if self.get => {
                let back = back.as_deref().unwrap_or("/keys");
                let back: String = byte_serialize(back.as_bytes()).collect();
                return see(&format!("/?return={back}"));
            }
            PageError::SignIn { .. } => return see("/"),
            PageError::Agreement => return see("/agreement"),
            _ => {}
        }
        let shown = self.portal.as_ref().map(|portal| error_page(portal, error));
        shown
            .and_then(Result::ok)
            .unwrap_or_else(|| HttpResponse::InternalServerError().finish())
    }
}

fn see(path: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header(("location", path))
        .finish()
}

fn error_page(portal: &Portal, error: &PageError) -> Result<HttpResponse, PageError> {
    let frame = frame(portal, None, None);
    let status = error.status_code();
    if matches!(error, PageError::Refused) {
        return page(status, &RefusedPage { frame });
    }
    let (title, text, back) = match error {
        PageError::NotFound => ("There is nothing here", error.to_string(), Some("/keys")),
        PageError::Forged => (
            "That did not come from this page",
            "Your session may have ended meanwhile. Go back, reload the page, and try again.".to_owned(),
            Some("/keys"),
        ),
        PageError::Role => ("This is for administrators", error.to_string(), Some("/keys")),
        PageError::Busy | PageError::Away => (
            "Not available at the moment",
            "A part of the service does not answer. Nothing is lost; try again in a moment.".to_owned(),
            None,
        ),
        PageError::Broken => (
            "Something broke",
            "It was written to the log. Try again; if it stays, tell your support.".to_owned(),
            Some("/keys"),
        ),
        _ => ("That did not work", error.to_string(), Some("/keys")),
    };
    let shown = ErrorPage {
        frame,
        status: status.as_u16(),
        title: title.to_owned(),
        text,
        back: back.map(str::to_owned),
    };
    page(status, &shown)
}

fn problem(error: &PageError) -> HttpResponse {
    let status = error.status_code();
    let problem = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: error.to_string(),
        code: error.word(),
    };
    let body = serde_json::to_string(&problem).unwrap_or_default();
    HttpResponse::build(status)
        .content_type("application/problem+json")
        .body(body)
}
