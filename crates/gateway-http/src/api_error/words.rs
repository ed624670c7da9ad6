//! What each error says.

use llmgw_keys::{KeyRefusal, KeyTextError};
use llmgw_proxy::stage::forward::failure_status;
use llmgw_proxy::{BodyRefusal, ProxyError, UpstreamError};
use llmgw_types::Timestamp;
use llmgw_usage::admission::Refusal;

use crate::limits::seconds_until;

/// What most errors differ in: status, type, code, message.
pub(super) struct Answer(
    pub(super) u16,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) String,
);

const INVALID: &str = "invalid_request_error";
const AUTHENTICATION: &str = "authentication_error";
const NOT_FOUND: &str = "not_found_error";
const SERVER: &str = "server_error";

/// The status and words for `error`.
pub(super) fn answer(error: &ProxyError) -> Answer {
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
        ProxyError::UnknownAnswer { id, previous: false } => Answer(
            404,
            NOT_FOUND,
            "answer_not_found",
            format!(
                "No answer with the id `{id}` was found. It may have been deleted or be too old, or its model server does not keep answers."
            ),
        ),
        ProxyError::UnknownAnswer { id, previous: true } => Answer(
            404,
            NOT_FOUND,
            "previous_response_not_found",
            format!(
                "Previous response with id `{id}` not found where this model is served. Send the conversation itself instead."
            ),
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
        ProxyError::Upstream(UpstreamError::NoSocket(status)) => Answer(
            failure_status(error),
            SERVER,
            "upstream_error",
            format!("The model server opens no WebSocket here: it answered with status {status}."),
        ),
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
        BodyRefusal::ContentType { found, wanted } => (
            415,
            "unsupported_media_type",
            format!("Content-Type must be `{wanted}`, not `{found}`."),
        ),
        BodyRefusal::Form(reason) => (
            400,
            "invalid_form",
            format!("We could not read the form in the body of your request: {reason}."),
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
