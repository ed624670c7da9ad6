//! What went wrong: one type for pages and REST, shown by each in its own way.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use llmgw_auth_saml::once::LoginError;
use llmgw_keys::KeyError;
use llmgw_types::StoreError;
use llmgw_usage::admission::CalendarError;

/// Why a page is not shown, or a change not made.
#[derive(Debug)]
pub(crate) enum PageError {
    /// Nobody is logged in; where they wanted to go.
    SignIn {
        /// A path of ours.
        back: Option<String>,
    },
    /// The agreement is to be accepted first.
    Agreement,
    /// A login came to nothing. Never says why.
    Refused,
    /// Not for this person's role.
    Role,
    /// The change did not come from a page of ours, or its session is over.
    Forged,
    /// There is no such thing.
    NotFound,
    /// Not by this method.
    Method,
    /// What was asked makes no sense.
    Invalid(String),
    /// It is not possible as things are.
    Conflict(String),
    /// A body that is too long.
    TooLong,
    /// Too much is under way.
    Busy,
    /// A store is away.
    Away,
    /// Something broke.
    Broken,
}

impl PageError {
    /// A word for programs.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::SignIn { .. } => "not_signed_in",
            Self::Agreement => "agreement",
            Self::Refused => "refused",
            Self::Role => "role",
            Self::Forged => "csrf",
            Self::NotFound => "not_found",
            Self::Method => "method",
            Self::Invalid(_) => "invalid",
            Self::Conflict(_) => "conflict",
            Self::TooLong => "too_long",
            Self::Busy => "busy",
            Self::Away => "away",
            Self::Broken => "broken",
        }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignIn { .. } => "Sign in first.",
            Self::Agreement => "Accept the agreement first; see /agreement.",
            Self::Refused => "You cannot be signed in.",
            Self::Role => "This is for administrators.",
            Self::Forged => {
                "The request did not come from a page of this session; send its token as `X-CSRF-Token`."
            }
            Self::NotFound => "There is nothing here.",
            Self::Method => "This path does not take this method.",
            Self::Invalid(what) | Self::Conflict(what) => return f.write_str(what),
            Self::TooLong => "The body is too long.",
            Self::Busy => "Too much is under way; try again in a moment.",
            Self::Away => "A store is not available; try again in a moment.",
            Self::Broken => "Something broke; see the log.",
        })
    }
}

impl std::error::Error for PageError {}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn { .. } => StatusCode::UNAUTHORIZED,
            Self::Agreement | Self::Refused | Self::Role | Self::Forged => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy | Self::Away => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    // The routes' outermost layer puts the page or the problem details in.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        let source = std::error::Error::source(&error).map(tracing::field::display);
        tracing::warn!(%error, source, "store failed");
        match error {
            StoreError::Unavailable { .. } => Self::Away,
            StoreError::Missing { .. } => Self::NotFound,
            StoreError::Changed { .. } => {
                Self::Conflict("Somebody changed it meanwhile; reload the page.".to_owned())
            }
            StoreError::Exists { .. } => Self::Conflict("It exists already; reload the page.".to_owned()),
            StoreError::Corrupt { .. } => Self::Broken,
        }
    }
}

impl From<KeyError> for PageError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Invalid(what) => Self::Invalid(what),
            error @ KeyError::TooMany { .. } => Self::Conflict(error.to_string()),
            KeyError::NotFound | KeyError::NoUser => Self::NotFound,
            error @ KeyError::Changed => Self::Conflict(error.to_string()),
            KeyError::Store(error) => error.into(),
        }
    }
}

impl From<LoginError> for PageError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused(reason) => {
                // For administrators; it never holds a part of the message.
                tracing::warn!(%reason, "a login was refused");
                Self::Refused
            }
            LoginError::Store(error) => error.into(),
        }
    }
}

impl From<CalendarError> for PageError {
    fn from(error: CalendarError) -> Self {
        tracing::error!(%error, "no time zone");
        Self::Broken
    }
}
