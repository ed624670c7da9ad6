//! The port to model servers.

use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use llmgw_types::SecretString;

use crate::{HeaderList, Method};

/// A request to a model server, ready to send.
#[derive(Debug)]
pub struct UpstreamRequest {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// Fields to send besides what HTTP itself needs; no credential among them.
    pub headers: HeaderList,
    /// Sent as `Authorization: Bearer`, and nowhere else.
    pub secret: Option<SecretString>,
    /// The body; empty: none.
    pub body: RequestBody,
    /// For the head of the answer.
    pub first_byte_timeout: Duration,
    /// Between two reads of the answer.
    pub idle_timeout: Duration,
}

/// The body of a request, in pieces that need not be put together.
#[derive(Debug, Clone, Default)]
pub struct RequestBody {
    first: Bytes,
    // Most bodies have none, and take no memory for them.
    more: std::collections::VecDeque<Bytes>,
}

impl RequestBody {
    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        let more: usize = self.more.iter().map(Bytes::len).sum();
        (self.first.len() + more) as u64
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it begins with these very bytes, not with a copy of them.
    pub(crate) fn shares(&self, bytes: &Bytes) -> bool {
        let first = if self.first.is_empty() {
            self.more.front()
        } else {
            Some(&self.first)
        };
        first.is_none_or(|first| first.as_ptr() == bytes.as_ptr())
    }

    /// Takes its next bytes, `most` at most; never none of them.
    pub fn next_piece(&mut self, most: usize) -> Option<Bytes> {
        while self.first.is_empty() {
            self.first = self.more.pop_front()?;
        }
        Some(self.first.split_to(self.first.len().min(most)))
    }
}

impl From<Bytes> for RequestBody {
    fn from(first: Bytes) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }
}

impl From<Vec<Bytes>> for RequestBody {
    fn from(pieces: Vec<Bytes>) -> Self {
        Self {
            first: Bytes::new(),
            more: pieces.into(),
        }
    }
}

/// The head of an answer and its body to come.
#[derive(Debug)]
pub struct UpstreamAnswer<B> {
    /// The status.
    pub status: u16,
    /// The fields that go back to the client (see [`to_client`](crate::to_client)).
    pub headers: HeaderList,
    /// The body's length where the answer names it.
    pub length: Option<u64>,
    /// The body. Dropping it before its end closes the connection.
    pub body: B,
}

/// How a call to a model server fails.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection: nothing was sent.
    #[error("the model server cannot be reached")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It did not answer, or stopped in the middle of its answer, for as long as we wait.
    #[error("the model server does not answer")]
    Timeout,
    /// The connection broke.
    #[error("the connection to the model server broke")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address cannot be used.
    #[error("the target's address cannot be used")]
    Address,
    /// It opens no WebSocket.
    #[error("the model server answered {0} to a request for a WebSocket")]
    NoSocket(u16),
}

/// Sends requests to model servers. Not `Send`: clients live on the thread that made them.
///
/// Promises: redirects are not followed, bodies are not decompressed, nothing is tried again once a byte of
/// the answer came, and dropping the future or the body closes the connection at once.
pub trait Upstream {
    /// The body of an answer.
    type Body: Stream<Item = Result<Bytes, UpstreamError>> + Unpin;

    /// Sends `request` and waits for the head of the answer.
    fn send(
        &self,
        request: UpstreamRequest,
    ) -> impl Future<Output = Result<UpstreamAnswer<Self::Body>, UpstreamError>>;
}

/// A WebSocket to a model server, cut in two. What passes is bytes: the frames are the two ends' own.
#[derive(Debug)]
pub struct Socket<I, O> {
    /// What the model server sends. Dropping both halves closes the connection.
    pub incoming: I,
    /// What it is sent.
    pub outgoing: O,
    /// The protocol it chose of those that were offered.
    pub protocol: Option<String>,
}

/// Opens WebSockets to model servers; what [`Upstream`] promises holds here too.
pub trait Sockets {
    /// What comes in.
    type Incoming: Stream<Item = Result<Bytes, UpstreamError>> + Unpin;
    /// What goes out.
    type Outgoing: Outgoing;

    /// Asks for a WebSocket without extensions, and offers `protocols`. The answer must be there within
    /// `first_byte_timeout`; there is no body and no other timeout.
    fn open(
        &self,
        request: UpstreamRequest,
        protocols: Option<&str>,
    ) -> impl Future<Output = Result<Socket<Self::Incoming, Self::Outgoing>, UpstreamError>>;
}

/// The way out of a socket.
pub trait Outgoing {
    /// Sends all of `bytes`.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), UpstreamError>>;
}
