//! The way of one LLM request: seven stages from an API key to a settled usage record.
//!
//! [`answer`] takes a request through the first six; [`stage::settle`] is the seventh and runs beside them.
//! This crate knows nothing of any web framework or HTTP client, of databases, settings or the wall clock.
//! Model servers are behind the port [`Upstream`]; everything else it needs is in [`Services`].
//!
//! What passes, and where, is in two tables:
//!
//! ```
//! use llmgw_proxy::{ROUTES, to_upstream};
//!
//! assert!(ROUTES.iter().any(|route| route.path == "/v1/chat/completions"));
//! assert_eq!(to_upstream("content-type"), Some("content-type"));
//! // The client's credentials stay here.
//! assert_eq!(to_upstream("authorization"), None);
//! ```

mod answer_id;
mod body_usage;
mod buffers;
mod count;
mod dialect;
mod edit;
mod endpoint;
mod error;
mod estimate;
mod form;
mod guard;
mod headers;
pub mod listing;
mod live;
mod peek;
mod pipeline;
mod query;
mod reported;
mod running;
mod services;
mod slots;
mod sse;
pub mod stage;
mod stream_reader;
mod upstream;

pub use answer_id::AnswerId;
pub use buffers::Buffers;
pub use dialect::{ErrorText, error_body, session_error};
pub use endpoint::{Counts, Dialect, Format, Keeps, Method, ModelAt, ROUTES, Route, Uses};
pub use error::{BodyRefusal, ProxyError};
pub use headers::{HeaderList, named_by_connection, to_client, to_upstream};
pub use live::Live;
pub use pipeline::answer;
pub use services::{Offload, Services, Settings};
pub use slots::Slots;
pub use stage::meter::{Answer, BrokenOff, MeteredBody};
pub use stage::session::{Access, Opened, Session, open};
pub use upstream::{
    Outgoing, RequestBody, Socket, Sockets, Upstream, UpstreamAnswer, UpstreamError, UpstreamRequest,
};
