//! From a refusal to the status and words of the client's dialect. The one place where that is decided.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use llmgw_keys::{KeyRefusal, KeyTextError};
use llmgw_proxy::stage::forward::failure_status;
use llmgw_proxy::{BodyRefusal, Dialect, ErrorText, ProxyError, error_body};
use llmgw_types::{RequestId, Timestamp};
use llmgw_usage::admission::Refusal;

use crate::limits::seconds_until;

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

// What most errors differ in.
struct Answer(u16, &'static str, &'static str, String);

const INVALID: &str = "invalid_request_error";
const AUTHENTICATION: &str = "authentication_error";
const NOT_FOUND: &str = "not_found_error";
const SERVER: &str = "server_error";

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
            for (name, value) in crate::limits::headers(std::slice::from_ref(&refusal.state), *at) {
                response.insert_header((name, value));
            }
        }
        let text = ErrorText {
            message: &self.message,
            kind: self.kind,
            code: Some(self.code),
            param: self.param,
        };
        response.body(error_body(self.dialect, &text, &id))
    }
}

fn answer(error: &ProxyError) -> Answer {
    match error {
        ProxyError::NoKey => Answer(
            401,
            AUTHENTICATION,
            "missing_api_key",
            "You didn't provide an API key. Send it as `Authorization: Bearer sk-llmgw-...`.".to_owned(),
        ),
        ProxyError::Key(refusal) => key(refusal),
        ProxyError::TooManyFailures { .. } => Answer(
            429,
            "rate_limit_error",
            "too_many_refused_keys",
            "Too many refused API keys came from your address. Check your key, and try again in a minute."
                .to_owned(),
        ),
        ProxyError::Body(refusal) => body(refusal),
        ProxyError::UnknownModel(name) => Answer(
            404,
            NOT_FOUND,
            "model_not_found",
            format!(
                "The model `{name}` does not exist or you do not have access to it. GET /v1/models lists yours."
            ),
        ),
        ProxyError::OutOfScope(name) => Answer(
            403,
            "permission_denied_error",
            "model_not_allowed",
            format!("This API key may not use the model `{name}`. GET /v1/models lists what it may use."),
        ),
        ProxyError::NotServed { model, endpoint } => Answer(
            404,
            NOT_FOUND,
            "endpoint_not_supported",
            format!("The model `{model}` does not support {endpoint}."),
        ),
        ProxyError::NoTarget(model) => Answer(
            503,
            SERVER,
            "model_unavailable",
            format!("The model `{model}` has no model server. Ask its administrator to give it a target."),
        ),
        ProxyError::Limit { refusal, at } => limit(refusal, *at),
        ProxyError::Busy => busy("The gateway runs as many requests as it may. Please try again shortly."),
        ProxyError::TargetsFull => busy("The model's servers are busy. Please try again shortly."),
        ProxyError::Journal(_) => Answer(
            503,
            SERVER,
            "journal_unavailable",
            "The gateway cannot record usage at present and takes no requests. Please try again later."
                .to_owned(),
        ),
        ProxyError::CountersUnready => busy("Limits are being counted anew. Please try again shortly."),
        ProxyError::Store(_) => busy("A part of the gateway is not available. Please try again shortly."),
        ProxyError::Upstream(_) => Answer(
            failure_status(error),
            SERVER,
            "upstream_error",
            "The model server cannot be reached or did not answer. Please try again shortly.".to_owned(),
        ),
        ProxyError::EmptyStream => Answer(
            failure_status(error),
            SERVER,
            "upstream_error",
            "The model server ended its stream before it began. The prompt may be too long for this model."
                .to_owned(),
        ),
    }
}

fn busy(message: &str) -> Answer {
    Answer(503, SERVER, "service_unavailable", message.to_owned())
}

fn key(refusal: &KeyRefusal) -> Answer {
    let (code, message) = match refusal {
        KeyRefusal::NotAKey(KeyTextError::Checksum) => (
            "mistyped_api_key",
            "Incorrect API key provided: its checksum does not match, so it was mistyped or cut off."
                .to_owned(),
        ),
        KeyRefusal::NotAKey(error) => ("invalid_api_key", format!("Incorrect API key provided: {error}.")),
        KeyRefusal::Unknown => (
            "invalid_api_key",
            "Incorrect API key provided: it is not known here.".to_owned(),
        ),
        KeyRefusal::Revoked => (
            "revoked_api_key",
            "This API key was revoked. Make a new one.".to_owned(),
        ),
        KeyRefusal::Expired(at) => (
            "expired_api_key",
            format!("This API key expired at {at}. Make a new one."),
        ),
        KeyRefusal::Suspended => (
            "user_suspended",
            "The owner of this API key is suspended. Ask your administrator.".to_owned(),
        ),
    };
    Answer(401, AUTHENTICATION, code, message)
}

fn body(refusal: &BodyRefusal) -> Answer {
    let (status, code, message) = match refusal {
        BodyRefusal::TooLarge { limit } => (
            413,
            "request_too_large",
            format!("The request body is larger than {limit} bytes."),
        ),
        BodyRefusal::BuffersFull => {
            return busy("The gateway holds as many request bodies as it may. Please try again shortly.");
        }
        BodyRefusal::ContentType(found) => (
            415,
            "unsupported_media_type",
            format!("Content-Type must be `application/json`, not `{found}`."),
        ),
        BodyRefusal::ContentEncoding(found) => (
            415,
            "unsupported_content_encoding",
            format!("The body must be sent uncompressed, not with Content-Encoding `{found}`."),
        ),
        BodyRefusal::Slow(within) => (
            408,
            "request_timeout",
            format!(
                "The request body did not arrive within {} seconds.",
                within.as_secs()
            ),
        ),
        BodyRefusal::BrokeOff => (400, "incomplete_body", "The request body broke off.".to_owned()),
        BodyRefusal::Json(reason) => (
            400,
            "invalid_json",
            format!("We could not parse the JSON body of your request: {reason}."),
        ),
        BodyRefusal::Twice(field) => (
            400,
            "duplicate_field",
            format!("The field `{field}` stands in the body more than once."),
        ),
        BodyRefusal::Depth(most) => (
            400,
            "body_too_deep",
            format!("The body is nested deeper than {most} levels."),
        ),
        BodyRefusal::NoModel => (
            400,
            "missing_model",
            "You must provide a `model` parameter.".to_owned(),
        ),
        BodyRefusal::Field { field, reason } => (
            400,
            "invalid_field",
            format!("Invalid value for `{field}`: {reason}."),
        ),
    };
    Answer(status, INVALID, code, message)
}

fn limit(refusal: &Refusal, at: Timestamp) -> Answer {
    let state = &refusal.state;
    let (limit, subject) = (state.rule.limit, &state.rule.subject);
    let unit = limit.unit().as_str();
    if !refusal.can_ever_fit() {
        let message = format!(
            "You exceeded your current quota: the limit for {subject} is {limit}, and this request may need {} {unit}. Ask for less (`max_tokens`) or for a higher limit.",
            refusal.asked
        );
        return Answer(429, "insufficient_quota", "insufficient_quota", message);
    }
    let when = state.resets_at.map_or_else(
        || "Try again when one of your running requests has ended.".to_owned(),
        |end| format!("Try again in {} s.", seconds_until(end, at)),
    );
    let message = format!(
        "Rate limit reached for {subject}: limit {limit}, used {}, reserved {}, requested {}. {when}",
        state.used, state.reserved, refusal.asked
    );
    Answer(429, "rate_limit_error", "rate_limit_exceeded", message)
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
        | ProxyError::NoTarget(_)
        | ProxyError::Upstream(_)
        | ProxyError::EmptyStream => Retry::Unsaid,
    }
}
