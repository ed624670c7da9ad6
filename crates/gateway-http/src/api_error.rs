//! From a refusal to the status and words of the client's dialect. The one place where that is decided.

mod words;

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use llmgw_proxy::{BodyRefusal, Dialect, ErrorText, ProxyError, error_body, session_error};
use llmgw_types::RequestId;

use crate::limits::seconds_until;
use words::{Answer, answer};

/// An error as a client gets it.
#[derive(Debug)]
pub(crate) struct ApiError {
    dialect: Dialect,
    id: Option<RequestId>,
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    message: String,
    param: Option<&'static str>,
    retry: Retry,
    cause: Option<ProxyError>,
}

/// Whether to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// As the client thinks fit.
    Unsaid,
    /// After so many seconds.
    After(u64),
    /// Not with this request.
    Never,
}

const INVALID: &str = "invalid_request_error";
const NOT_FOUND: &str = "not_found_error";

impl ApiError {
    /// The answer to a request that failed with `error`.
    pub(crate) fn of(error: ProxyError, dialect: Dialect, id: RequestId) -> Self {
        let Answer(status, kind, code, message) = answer(&error);
        let retry = retry(&error);
        let param = match &error {
            ProxyError::Body(BodyRefusal::Field { field, .. }) => Some(*field),
            ProxyError::Body(BodyRefusal::NoModel)
            | ProxyError::UnknownModel(_)
            | ProxyError::OutOfScope(_) => Some("model"),
            ProxyError::UnknownAnswer { previous: true, .. } => Some("previous_response_id"),
            _ => None,
        };
        Self {
            dialect,
            id: Some(id),
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            kind,
            code,
            message,
            param,
            retry,
            cause: Some(error),
        }
    }

    /// The path is served, but not by this method.
    pub(crate) fn wrong_method(dialect: Dialect) -> Self {
        let message =
            "This path does not take this method. See GET /v1/models for what you can use.".to_owned();
        Self::plain(
            dialect,
            StatusCode::METHOD_NOT_ALLOWED,
            INVALID,
            "method_not_allowed",
            message,
        )
    }

    /// Who may take a model away.
    pub(crate) fn no_deleting() -> Self {
        Self::other_method(
            "Models belong to this gateway and cannot be deleted here. An administrator can remove them.",
        )
    }

    /// What nobody may see.
    pub(crate) fn no_listing() -> Self {
        Self::other_method(
            "Chats that are kept cannot be listed: model servers do not know whose they are. Ask for one by its id.",
        )
    }

    fn other_method(message: &str) -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let (kind, code) = (INVALID, "method_not_allowed");
        Self::plain(Dialect::OpenAi, status, kind, code, message.to_owned())
    }

    /// The path is a WebSocket's, and the request asks for none, or not as it should.
    pub(crate) fn no_websocket(why: &dyn fmt::Display) -> Self {
        let message =
            format!("This path is a WebSocket ({why}). Open it with a client for those, as `wss://`.");
        let status = StatusCode::UPGRADE_REQUIRED;
        Self::plain(Dialect::OpenAi, status, INVALID, "websocket_required", message)
    }

    /// The path is not served.
    pub(crate) fn unknown_path(method: &str, path: &str) -> Self {
        let path: String = path.chars().take(200).collect();
        let message = format!("Invalid URL ({method} {path}). Is `/v1` in the base URL of your client?");
        Self::plain(
            Dialect::OpenAi,
            StatusCode::NOT_FOUND,
            NOT_FOUND,
            "unknown_url",
            message,
        )
    }

    fn plain(
        dialect: Dialect,
        status: StatusCode,
        kind: &'static str,
        code: &'static str,
        message: String,
    ) -> Self {
        Self {
            dialect,
            id: None,
            status,
            kind,
            code,
            message,
            param: None,
            retry: Retry::Unsaid,
            cause: None,
        }
    }

    /// The error's code, for metrics.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// It as an event of a session, which ends with it.
    pub(crate) fn session_event(&self) -> String {
        let id = self.id.map(|id| id.to_string()).unwrap_or_default();
        session_error(&self.text(), &format!("event_{id}"))
    }

    fn text(&self) -> ErrorText<'_> {
        ErrorText {
            message: &self.message,
            kind: self.kind,
            code: Some(self.code),
            param: self.param,
        }
    }

    /// Logs what the client is told, and for our own failures their cause. Once, here at the edge.
    pub(crate) fn log(&self) {
        let id = self.id.map(tracing::field::display);
        let status = self.status.as_u16();
        match &self.cause {
            Some(cause) if self.status.is_server_error() => {
                let source = std::error::Error::source(cause).map(tracing::field::display);
                tracing::warn!(request.id = id, status, code = self.code, error = %cause, source, "request failed");
            }
            _ => tracing::info!(request.id = id, status, code = self.code, "request refused"),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.content_type("application/json");
        let id = self.id.map(|id| id.to_string()).unwrap_or_default();
        if !id.is_empty() {
            response.insert_header(("x-request-id", id.as_str()));
        }
        match self.retry {
            Retry::Unsaid => {}
            Retry::After(seconds) => {
                response.insert_header(("retry-after", seconds.to_string()));
            }
            Retry::Never => {
                response.insert_header(("x-should-retry", "false"));
            }
        }
        if let Some(ProxyError::Limit { refusal, at }) = &self.cause {
            crate::limits::headers(std::slice::from_ref(&refusal.state), *at, |name, value| {
                response.insert_header((name, value));
            });
        }
        response.body(error_body(self.dialect, &self.text(), &id))
    }
}

fn retry(error: &ProxyError) -> Retry {
    match error {
        ProxyError::Limit { refusal, .. } if !refusal.can_ever_fit() => Retry::Never,
        ProxyError::Limit { refusal, at } => {
            Retry::After(refusal.state.resets_at.map_or(1, |end| seconds_until(end, *at)))
        }
        ProxyError::Busy
        | ProxyError::TargetsFull
        | ProxyError::CountersUnready
        | ProxyError::Store(_)
        | ProxyError::Body(BodyRefusal::BuffersFull) => Retry::After(1),
        ProxyError::Journal(_) => Retry::After(10),
        ProxyError::TooManyFailures { wait } => Retry::After(wait.as_secs() + 1),
        ProxyError::NoKey
        | ProxyError::Key(_)
        | ProxyError::Body(_)
        | ProxyError::UnknownModel(_)
        | ProxyError::OutOfScope(_)
        | ProxyError::NotServed { .. }
        | ProxyError::UnknownAnswer { .. }
        | ProxyError::NoTarget(_)
        | ProxyError::Upstream(_)
        | ProxyError::EmptyStream => Retry::Unsaid,
    }
}
