//! What the binaries have in common: settings, logs, metrics, health, signals, servers from their first request
//! to their last, and the work in the background.
//! For binaries only; no other crate uses it.
//!
//! It is the one place that reads settings, the wall clock and the operating system's random bits. It knows no
//! store, no route and no model server: what it works with is given to it as ports and closures.

mod account;
mod background;
mod clock;
pub mod config;
mod entropy;
mod failure;
mod feed;
mod health;
mod limits;
mod logging;
mod metrics;
mod secrets;
mod servers;
mod serving;
pub mod shipper;
mod signals;
mod tasks;

pub use account::account;
pub use background::Background;
pub use clock::{SharedClock, SystemClock};
pub use entropy::OsEntropy;
pub use failure::{Failure, chain};
pub use feed::LocalFeed;
pub use health::{Readiness, ask_ready, routes as health_routes};
pub use limits::{SharedLimits, WhenUnavailable};
pub use logging::{LogGuard, start as start_logging};
pub use metrics::Metrics;
pub use secrets::RefResolver;
pub use servers::{Listener, Running, serve_api, serve_few, serve_pages};
pub use serving::{BlockingPool, Cut, CutUpstream, Serving};
pub use signals::Signals;
pub use tasks::{Tasks, Work};
