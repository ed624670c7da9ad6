//! The LLM API over actix: extracts a checked head from a request, hands it to the pipeline, and relays the
//! answer. It knows no store; what it needs is in [`llmgw_proxy::Services`].
//!
//! Add [`routes`] to an actix `App`, with one [`Gateway`] per worker. Nothing but these routes is served: a
//! model server has paths that must never be reachable. What an error's status and words are is decided in
//! one place, `api_error.rs`.

mod api_error;
mod body;
mod extract;
mod info;
mod limits;
mod origin;
mod realtime;
mod relay;
mod routes;

pub use routes::{Gateway, routes};
