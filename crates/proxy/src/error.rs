//! Why a request gets no answer from a model. The HTTP crate maps each case to a status.

use std::time::Duration;

use llmgw_keys::KeyRefusal;
use llmgw_types::{Blame, Endpoint, StoreError, Timestamp};
use llmgw_usage::admission::Refusal;
use llmgw_usage::journal::JournalError;

use crate::UpstreamError;

/// Why a request was turned away or failed before an answer began.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No key came with it.
    #[error("no API key")]
    NoKey,
    /// The key may not be used.
    #[error("the API key was refused")]
    Key(KeyRefusal),
    /// The key may not be used, and too many before it from the same place might not either.
    #[error("too many API keys were refused")]
    TooManyFailures {
        /// How long to wait before the next attempt.
        wait: Duration,
    },
    /// The body could not be taken.
    #[error(transparent)]
    Body(#[from] BodyRefusal),
    /// No such model, or none this user may know of.
    #[error("there is no model `{0}` for this user")]
    UnknownModel(String),
    /// The key's scope does not have the model.
    #[error("this key may not use the model `{0}`")]
    OutOfScope(String),
    /// The model does not serve this endpoint.
    #[error("the model `{model}` does not serve {endpoint}")]
    NotServed {
        /// The model as the client named it.
        model: String,
        /// The endpoint.
        endpoint: Endpoint,
    },
    /// No answer of this id was made for this user, or none any more.
    #[error("there is no answer `{id}` for this user")]
    UnknownAnswer {
        /// The id as the client wrote it.
        id: String,
        /// Whether a new answer was to go on from it.
        previous: bool,
    },
    /// The model has no place to send requests to.
    #[error("the model `{0}` has no target")]
    NoTarget(String),
    /// A limit has no room.
    #[error("a limit has no room for the request")]
    Limit {
        /// Which, and what was asked.
        refusal: Box<Refusal>,
        /// When it was refused.
        at: Timestamp,
    },
    /// As many requests run as may.
    #[error("too many requests run")]
    Busy,
    /// The journal takes no request.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The limits' counters are being rebuilt.
    #[error("the limits are being counted anew")]
    CountersUnready,
    /// The target is at its own cap of requests, and so are all others.
    #[error("every target of the model runs as many requests as it may")]
    TargetsFull,
    /// No target answered.
    #[error("no target answered")]
    Upstream(#[source] UpstreamError),
    /// A target answered with a stream that ended before its first byte.
    #[error("the model server sent an empty stream")]
    EmptyStream,
}

impl ProxyError {
    /// Who made the request fail.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::NoKey
            | Self::Key(_)
            | Self::TooManyFailures { .. }
            | Self::UnknownModel(_)
            | Self::OutOfScope(_)
            | Self::NotServed { .. }
            | Self::UnknownAnswer { .. }
            | Self::Limit { .. } => Blame::Client,
            Self::Body(BodyRefusal::BuffersFull) => Blame::Gateway,
            Self::Body(_) => Blame::Client,
            Self::TargetsFull | Self::Upstream(_) | Self::EmptyStream => Blame::Upstream,
            Self::NoTarget(_) | Self::Busy | Self::Journal(_) | Self::Store(_) | Self::CountersUnready => {
                Blame::Gateway
            }
        }
    }
}

/// Why a body was not taken. No byte of it went to a model server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyRefusal {
    /// Longer than `gateway.max_body`.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// All buffered bodies together are over `gateway.max_buffered`.
    #[error("the gateway holds as many bytes of requests as it may")]
    BuffersFull,
    /// It is not declared as what the endpoint takes.
    #[error("the content type is `{found}`, not {wanted}")]
    ContentType {
        /// What it is declared as.
        found: String,
        /// What the endpoint takes.
        wanted: &'static str,
    },
    /// It is compressed.
    #[error("the content encoding is `{0}`, not identity")]
    ContentEncoding(String),
    /// It did not come in time.
    #[error("the body did not come within {} s", .0.as_secs())]
    Slow(Duration),
    /// The connection broke while it came.
    #[error("the body broke off")]
    BrokeOff,
    /// It is not valid JSON.
    #[error("the body is not valid JSON: {0}")]
    Json(String),
    /// It is no form that everybody would read in the same way.
    #[error("the form cannot be read: {0}")]
    Form(&'static str),
    /// A field that decides where it goes stands in it twice.
    #[error("the field `{0}` stands in the body more than once")]
    Twice(String),
    /// It is nested too deep.
    #[error("the body is nested deeper than {0} levels")]
    Depth(usize),
    /// It names no model.
    #[error("the body has no `model`")]
    NoModel,
    /// A field has a value of a wrong kind.
    #[error("`{field}`: {reason}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it must be.
        reason: &'static str,
    },
}
