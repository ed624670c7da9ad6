//! Errors in the words of each dialect.

use bytes::Bytes;
use serde_json::json;

use crate::Dialect;

/// What an error says.
#[derive(Debug, Clone)]
pub struct ErrorText<'a> {
    /// For people: what is wrong and what to do.
    pub message: &'a str,
    /// OpenAI's word for its kind, e.g. `invalid_request_error`.
    pub kind: &'a str,
    /// For programs, e.g. `model_not_found`.
    pub code: Option<&'a str>,
    /// The field it is about.
    pub param: Option<&'a str>,
}

/// The body of an error answer.
#[must_use]
pub fn error_body(dialect: Dialect, error: &ErrorText<'_>, request_id: &str) -> String {
    let body = match dialect {
        Dialect::OpenAi | Dialect::Responses | Dialect::Media => json!({"error": {
            "message": error.message, "type": error.kind, "param": error.param, "code": error.code,
        }}),
        Dialect::Anthropic => json!({
            "type": "error",
            "error": {"type": anthropic_kind(error), "message": error.message},
            "request_id": request_id,
        }),
    };
    body.to_string()
}

/// An event that tells the client of a session why it ends.
#[must_use]
pub fn session_error(error: &ErrorText<'_>, event_id: &str) -> String {
    let body = json!({"type": "error", "event_id": event_id, "error": {
        "message": error.message, "type": error.kind, "param": error.param, "code": error.code, "event_id": null,
    }});
    body.to_string()
}

/// An event that ends a stream which cannot go on.
#[must_use]
pub(crate) fn error_event(dialect: Dialect, error: &ErrorText<'_>) -> Bytes {
    let text = match dialect {
        Dialect::OpenAi | Dialect::Media => {
            let body = json!({"error": {
                "message": error.message, "type": error.kind, "param": error.param, "code": error.code,
            }});
            format!("data: {body}\n\n")
        }
        Dialect::Responses => {
            let body = json!({
                "type": "error", "code": error.code, "message": error.message, "param": error.param,
            });
            format!("event: error\ndata: {body}\n\n")
        }
        Dialect::Anthropic => {
            let kind = anthropic_kind(error);
            let body = json!({"type": "error", "error": {"type": kind, "message": error.message}});
            format!("event: error\ndata: {body}\n\n")
        }
    };
    Bytes::from(text)
}

// Anthropic has its own words for some kinds; the others are the same.
fn anthropic_kind<'a>(error: &ErrorText<'a>) -> &'a str {
    match (error.kind, error.code) {
        (_, Some("request_too_large")) => "request_too_large",
        ("server_error", _) => "api_error",
        ("permission_denied_error", _) => "permission_error",
        ("insufficient_quota", _) => "rate_limit_error",
        (other, _) => other,
    }
}
