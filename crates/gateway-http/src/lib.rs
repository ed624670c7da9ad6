//! The LLM API over actix: extracts a checked head from a request, hands it to the pipeline, and relays the
//! answer. It knows no store; what it needs is in [`llmgw_proxy::Services`].

mod api_error;
mod body;
mod extract;
mod info;
mod limits;
mod relay;
mod routes;

pub use routes::{Gateway, routes};
