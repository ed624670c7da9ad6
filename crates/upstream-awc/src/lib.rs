//! Model servers by [`awc`], the HTTP client of actix.
//!
//! One [`AwcUpstream`] per worker thread: awc's connections live on the thread that opened them. Redirects are
//! not followed (a model server has no business sending a prompt elsewhere), bodies are not decompressed, and
//! awc's own limits and timeouts are off: this crate has its own.

mod body;
mod client;
mod probe;
mod socket;
mod wire;

pub use body::AwcBody;
pub use client::{AwcUpstream, Connecting};
pub use probe::AwcProbe;
pub use socket::{AwcIncoming, AwcOutgoing};
