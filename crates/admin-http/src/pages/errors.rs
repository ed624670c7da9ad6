//! What went wrong, as a page.

use std::fmt;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use llmgw_pages::admin::{Frame, MessagePage};
use llmgw_types::{Role, StoreError};
use url::form_urlencoded::byte_serialize;

use super::caller::PageCaller;
use super::views::{self, go};
use crate::doors::Doors;
use crate::problem::Problem;

/// Why a page is not shown, or a change not made.
#[derive(Debug)]
pub(crate) enum PageError {
    /// Nobody is signed in; where they wanted to go.
    SignIn { back: Option<String> },
    /// Not for this person's role: it needs this one.
    Role(Role),
    /// The change did not come from a page of ours, or its session is over.
    Forged,
    /// Nobody came in by what was handed over. Never says why.
    Refused,
    /// As the API says it.
    Told(Problem),
    /// Something broke.
    Broken,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignIn { .. } => f.write_str("Sign in first."),
            Self::Role(needed) => write!(
                f,
                "This needs the role `{}`. Auditors look at everything and change nothing; only administrators change.",
                needed.as_str()
            ),
            Self::Forged => f.write_str(
                "Your session may have ended meanwhile. Go back, reload the page, and try again.",
            ),
            Self::Refused => f.write_str(
                "The way from the portal to here works once, for a minute, and only for administrators and auditors. \
                 Go back to the portal and press Administration again.",
            ),
            Self::Told(problem) => write!(f, "{problem}"),
            Self::Broken => f.write_str("It was written to the log. Try again; if it stays, look there."),
        }
    }
}

impl std::error::Error for PageError {}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn { .. } => StatusCode::UNAUTHORIZED,
            Self::Role(_) | Self::Forged | Self::Refused => StatusCode::FORBIDDEN,
            Self::Told(problem) => problem.status(),
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    // The routes' outermost layer puts the page in.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl From<Problem> for PageError {
    fn from(problem: Problem) -> Self {
        Self::Told(problem)
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::Told(error.into())
    }
}

/// Puts the page into an answer that is an error.
pub(crate) async fn errors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let doors = request.app_data::<Data<Doors>>().cloned();
    let response = match next.call(request).await {
        Ok(response) => response,
        // Sessions that cannot be read or written: their store is away.
        Err(error) => {
            tracing::warn!(%error, "a session cannot be read or written");
            let mut page = told(&Problem::away(), Frame::default());
            if let Some(doors) = doors {
                views::put_headers(&doors, page.headers_mut());
            }
            return Err(InternalError::from_response(error, page).into());
        }
    };
    let Some(error) = response.response().error() else {
        return Ok(response.map_into_boxed_body());
    };
    let who = response.request().extensions().get::<PageCaller>().cloned();
    let frame = who.map(|who| who.frame(None)).unwrap_or_default();
    let page = match (error.as_error::<PageError>(), error.as_error::<Problem>()) {
        (Some(error), _) => shown(error, frame),
        (None, Some(problem)) => told(problem, frame),
        (None, None) => told(&Problem::of_status(response.status()), frame),
    };
    Ok(response.into_response(page))
}

fn shown(error: &PageError, frame: Frame) -> HttpResponse {
    let title = match error {
        PageError::SignIn { back } => return to_sign_in(back.as_deref()),
        PageError::Told(problem) => return told(problem, frame),
        PageError::Role(Role::Admin) => "This is for administrators",
        PageError::Role(_) => "This is for administrators and auditors",
        PageError::Forged => "That did not come from this page",
        PageError::Refused => "You cannot come in this way",
        PageError::Broken => "Something broke",
    };
    message(error.status_code(), title, error.to_string(), frame)
}

// As the API says it.
fn told(problem: &Problem, frame: Frame) -> HttpResponse {
    let status = problem.status();
    let title = match status {
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => "It is not as you saw it",
        StatusCode::TOO_MANY_REQUESTS => "Please wait",
        StatusCode::SERVICE_UNAVAILABLE => "Not available at the moment",
        StatusCode::INTERNAL_SERVER_ERROR => "Something broke",
        _ => "That did not work",
    };
    message(status, title, problem.to_string(), frame)
}

fn message(status: StatusCode, title: &str, text: String, frame: Frame) -> HttpResponse {
    let shown = MessagePage {
        frame,
        status: status.as_u16(),
        title: title.to_owned(),
        text,
    };
    views::page(status, &shown).unwrap_or_else(|_| HttpResponse::InternalServerError().finish())
}

fn to_sign_in(back: Option<&str>) -> HttpResponse {
    match back {
        None | Some("/") => go("/sign-in"),
        Some(back) => {
            let back: String = byte_serialize(back.as_bytes()).collect();
            go(&format!("/sign-in?return={back}"))
        }
    }
}
