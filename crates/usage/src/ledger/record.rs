//! One request's entry in the ledger.

use std::str::FromStr;

use llmgw_types::{
    Endpoint, GroupName, KeyId, ModelId, Money, RequestId, TargetId, Timestamp, TokenSource, TokenUsage,
    UserId,
};
use serde::{Deserialize, Serialize};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The answer was there to its end.
    Complete,
    /// The client left before the end.
    ClientGone,
    /// The model server failed, refused, or broke off.
    UpstreamError,
    /// The gateway died while it ran.
    Crashed,
}

impl End {
    /// The word used in JSON and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client_gone",
            Self::UpstreamError => "upstream_error",
            Self::Crashed => "crashed",
        }
    }
}

impl FromStr for End {
    type Err = UnknownEnd;

    fn from_str(text: &str) -> Result<Self, UnknownEnd> {
        [
            Self::Complete,
            Self::ClientGone,
            Self::UpstreamError,
            Self::Crashed,
        ]
        .into_iter()
        .find(|end| end.as_str() == text)
        .ok_or_else(|| UnknownEnd(text.chars().take(64).collect()))
    }
}

/// The text names no way to end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an end: complete, client_gone, upstream_error or crashed")]
pub struct UnknownEnd(String);

/// What is kept of a request. No prompt and no answer, ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The request; a ledger holds each id once.
    pub id: RequestId,
    /// When it was admitted.
    pub time: Timestamp,
    /// The key it came with.
    pub key: KeyId,
    /// Who pays.
    pub user: UserId,
    /// The user's groups at that time, sorted.
    pub groups: Vec<GroupName>,
    /// The public model.
    pub model: ModelId,
    /// Where it was sent, if it came so far.
    pub target: Option<TargetId>,
    /// Which endpoint.
    pub endpoint: Endpoint,
    /// The HTTP status the client got, or would have got; 499 where it left before any.
    pub status: u16,
    /// Whether the answer was a stream.
    pub streamed: bool,
    /// How it ended.
    pub end: End,
    /// Tokens charged.
    pub tokens: TokenUsage,
    /// Who says so.
    pub source: TokenSource,
    /// Cost charged, at the prices of that time.
    pub cost: Money,
    /// Milliseconds from admission to the first byte of the answer.
    pub ttft_ms: Option<u32>,
    /// Milliseconds from admission to the end.
    pub duration_ms: u32,
    /// What the endpoint counts besides tokens: whole seconds of sound, pictures, texts to embed, documents to rank.
    /// Last, and 0 in records of earlier versions: the journal keeps a record by the order of its fields.
    #[serde(default)]
    pub units: u64,
}

impl UsageRecord {
    /// Whether it counts against limits on requests: what failed before a byte of an answer came was given
    /// back whole.
    #[must_use]
    pub fn charged(&self) -> bool {
        !(self.end == End::UpstreamError && self.tokens == TokenUsage::default())
    }
}
