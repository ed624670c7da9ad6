//! Errors as problem details (RFC 9457).

use std::fmt;
use std::time::Duration;

use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::StatusCode;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};
use llmgw_keys::KeyError;
use llmgw_models::ModelError;
use llmgw_types::{Role, StoreError};
use serde::Serialize;

/// What went wrong: a status, and a sentence that says what to do.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    wait: Option<Duration>,
}

/// As it is answered (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Details<'a> {
    /// `about:blank`: the status says it.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong, and what to do.
    detail: &'a str,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            wait: None,
        }
    }

    /// What was asked cannot be read.
    pub(crate) fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// It can be read and makes no sense.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// There is no such path.
    pub(crate) fn nothing_here() -> Self {
        Self::not_found(
            "There is nothing at this path. The API begins at /api/v1, and /api/v1/openapi.json describes it.",
        )
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// It is not what the caller looked at any more.
    pub(crate) fn changed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "Somebody else changed it meanwhile. Look at it again, and send the `ETag` you get as `If-Match`.",
        )
    }

    /// Whether it is that.
    pub(crate) fn is_of_change(&self) -> bool {
        self.status == StatusCode::PRECONDITION_FAILED
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Send the admin key as `Authorization: Bearer ...`, or sign in at /sign-in.",
        )
    }

    /// The caller's role is not enough.
    pub(crate) fn forbidden(needed: Role) -> Self {
        let needed = needed.as_str();
        Self::new(
            StatusCode::FORBIDDEN,
            format!(
                "This needs the role `{needed}`, and yours is another: auditors read, administrators change."
            ),
        )
    }

    /// A change that a session asked for, and no page of it.
    pub(crate) fn forged() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "A change by the session of a browser carries its token as `X-CSRF-Token`, and comes from a page of this \
             service; or send the admin key instead.",
        )
    }

    pub(crate) fn too_many(wait: Duration) -> Self {
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many wrong keys from this address; wait.",
        );
        problem.wait = Some(wait);
        problem
    }

    /// A store of sessions does not answer.
    pub(crate) fn away() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Sessions cannot be read. Please try again, or send the admin key and no cookie.",
        )
    }

    pub(crate) fn broken() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something broke; see the log.")
    }

    pub(crate) fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "This path does not take this method.",
        )
    }

    /// What a response that actix made by itself should have said.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("There is nothing at this path."),
            StatusCode::METHOD_NOT_ALLOWED => Self::wrong_method(),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "The body is too long."),
            status if status.is_client_error() => Self::new(status, "The request cannot be read."),
            _ => Self::broken(),
        }
    }

    /// How long to wait before the next attempt, where that is known.
    pub(crate) const fn wait(&self) -> Option<Duration> {
        self.wait
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let details = Details {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let mut response = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header(("www-authenticate", "Bearer"));
        }
        if let Some(wait) = self.wait {
            response.insert_header(("retry-after", wait.as_secs().max(1).to_string()));
        }
        response
            .content_type("application/problem+json")
            .body(serde_json::to_string(&details).unwrap_or_default())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, source = std::error::Error::source(&error).map(tracing::field::display), "store failed");
        let (status, advice) = match &error {
            StoreError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "Please try again."),
            StoreError::Changed { .. } => return Self::changed(),
            StoreError::Exists { .. } => (StatusCode::CONFLICT, "Choose another."),
            StoreError::Missing { .. } => (StatusCode::NOT_FOUND, ""),
            StoreError::Corrupt { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "See the log."),
        };
        let what = match &error {
            // What it holds is for the log.
            StoreError::Corrupt { store, .. } => format!("{store} holds something unreadable"),
            other => other.to_string(),
        };
        Self::new(status, format!("{}. {advice}", capitalised(&what)).trim_end())
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Invalid(detail) => Self::invalid(detail),
            error @ KeyError::TooMany { .. } => Self::conflict(error.to_string()),
            KeyError::NotFound => Self::not_found("There is no key with this id."),
            KeyError::NoUser => Self::not_found("There is no such user."),
            KeyError::Changed => Self::changed(),
            KeyError::Store(error) => error.into(),
        }
    }
}

impl From<ModelError> for Problem {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::SecretRef | ModelError::Invalid { .. } => Self::invalid(error.to_string()),
            ModelError::NotFound(_) => Self::not_found(error.to_string()),
            ModelError::NameTaken(_) => Self::conflict(error.to_string()),
            ModelError::Store(error) => error.into(),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form of actix's error handlers")]
pub(crate) fn bad_json(error: JsonPayloadError, _: &HttpRequest) -> Error {
    let status = match &error {
        JsonPayloadError::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        JsonPayloadError::Deserialize(error) if error.is_data() => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::BAD_REQUEST,
    };
    let detail = match &error {
        JsonPayloadError::ContentType => "Send a JSON body with `Content-Type: application/json`.".to_owned(),
        JsonPayloadError::Deserialize(error) => format!("The body does not fit: {error}."),
        other => format!("The body cannot be read: {other}."),
    };
    Problem::new(status, detail).into()
}

#[expect(clippy::needless_pass_by_value, reason = "the form of actix's error handlers")]
pub(crate) fn bad_query(error: QueryPayloadError, _: &HttpRequest) -> Error {
    Problem::unreadable(format!("The query does not fit: {error}.")).into()
}

pub(crate) fn bad_path(_: PathError, _: &HttpRequest) -> Error {
    Problem::not_found("There is nothing with this id.").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_stores_are_sentences() {
        let store = "the SQLite store";
        for (error, detail) in [
            (
                StoreError::unavailable(store, "locked"),
                "The SQLite store is not available. Please try again.",
            ),
            (
                StoreError::Corrupt {
                    store,
                    detail: "x".to_owned(),
                },
                "The SQLite store holds something unreadable. See the log.",
            ),
            (
                StoreError::Missing {
                    what: "key 7".to_owned(),
                },
                "Key 7 does not exist.",
            ),
            (
                StoreError::Exists {
                    what: "a user with this name".to_owned(),
                },
                "A user with this name exists already. Choose another.",
            ),
        ] {
            assert_eq!(Problem::from(error).to_string(), detail);
        }
    }
}
