//! The metrics port: domain code says what happened, the composition root decides what is counted.

use std::time::Duration;

use crate::TokenUsage;

/// Something worth counting. Never carries a user or a key, so that labels stay few.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A request was admitted and runs.
    RequestStarted,
    /// An admitted request ended, one way or another.
    RequestEnded {
        /// Public model name.
        model: &'a str,
        /// Endpoint, e.g. `chat_completions`.
        endpoint: &'static str,
        /// How it ended, e.g. `complete`.
        end: &'static str,
        /// Status sent to the client.
        status: u16,
        /// From the first byte of the request to the end.
        duration: Duration,
        /// From the call to the first byte of the answer, where one came.
        time_to_first_byte: Option<Duration>,
        /// Tokens as settled.
        tokens: TokenUsage,
    },
    /// A request was turned away before the model server was called.
    RequestRefused {
        /// The error's code, e.g. `invalid_api_key`.
        code: &'static str,
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
