//! The way of one LLM request: seven stages from an API key to a settled usage record.
//!
//! This crate knows nothing of any web framework or HTTP client, of databases, settings or the wall clock.
//! Model servers are behind the port [`Upstream`]; everything else it needs is in [`Services`].

mod body_usage;
mod buffers;
mod count;
mod dialect;
mod edit;
mod endpoint;
mod error;
mod estimate;
mod guard;
mod headers;
pub mod listing;
mod live;
mod peek;
mod pipeline;
mod reported;
mod services;
mod slots;
mod sse;
pub mod stage;
mod stream_reader;
mod upstream;

pub use buffers::Buffers;
pub use dialect::{ErrorText, error_body};
pub use endpoint::{Dialect, ROUTES, Route};
pub use error::{BodyRefusal, ProxyError};
pub use headers::{HeaderList, to_client, to_upstream};
pub use live::Live;
pub use pipeline::answer;
pub use services::{GroupLimit, LimitPolicy, Offload, Services, Settings, WhenFull};
pub use slots::Slots;
pub use stage::meter::{Answer, BrokenOff, MeteredBody};
pub use upstream::{Upstream, UpstreamAnswer, UpstreamError, UpstreamRequest};
