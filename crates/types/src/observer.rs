//! The metrics port: domain code says what happened, the composition root decides what is counted.

use std::time::Duration;

use crate::{Money, TokenUsage};

/// Who made a request fail, or that nobody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// It went well.
    Nobody,
    /// The client: it left, or sent what cannot be served.
    Client,
    /// The model server.
    Upstream,
    /// The gateway itself, or a store of its.
    Gateway,
}

impl Blame {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::Nobody, Self::Client, Self::Upstream, Self::Gateway];

    /// The word used in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "none",
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Gateway => "gateway",
        }
    }
}

/// An admitted request that ended, one way or another.
#[derive(Debug, Clone)]
pub struct RequestEnded<'a> {
    /// Public model name.
    pub model: &'a str,
    /// Endpoint, e.g. `chat_completions`.
    pub endpoint: &'static str,
    /// Who made it fail.
    pub blame: Blame,
    /// Whether the answer is a stream.
    pub streamed: bool,
    /// From the first byte of the request to the end.
    pub duration: Duration,
    /// From the first byte of the request to the first byte of the answer, where one came.
    pub time_to_first_byte: Option<Duration>,
    /// Tokens as settled.
    pub tokens: TokenUsage,
    /// Cost as settled.
    pub cost: Money,
}

/// Something worth counting. Never carries a user or a key, so that labels stay few.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A request was admitted and runs.
    RequestStarted,
    /// An admitted request ended, one way or another.
    RequestEnded(RequestEnded<'a>),
    /// A request got an error of the gateway's own instead of an answer.
    RequestFailed {
        /// The error's code, e.g. `invalid_api_key`.
        code: &'static str,
        /// Who made it fail.
        blame: Blame,
    },
    /// A limit had no room for a request.
    LimitRefused {
        /// Whose limit, e.g. `key`.
        subject: &'static str,
        /// Of what, e.g. `tokens`.
        unit: &'static str,
        /// For how long, e.g. `day`.
        window: &'static str,
    },
    /// A store was asked.
    StoreCalled {
        /// What is kept there, e.g. `limits`.
        store: &'static str,
        /// Whether it answered.
        answered: bool,
        /// How long that took.
        took: Duration,
    },
    /// Whether requests ask a store, or go by what is known without it.
    Breaker {
        /// What is kept there, e.g. `limits`.
        store: &'static str,
        /// It is not asked.
        open: bool,
    },
    /// Records waiting in the journal, as of now.
    JournalLag {
        /// Closed records not yet in the ledger.
        records: u64,
        /// Bytes of journal on disk.
        bytes: u64,
    },
}

/// Receives events. Must be cheap and must not block: it is called on the request's way.
pub trait Observer: Send + Sync {
    /// Takes note of `event`.
    fn observe(&self, event: &Event<'_>);
}

/// Takes note of nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn observe(&self, _event: &Event<'_>) {}
}
