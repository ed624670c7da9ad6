//! What the binaries have in common: settings, logs, metrics, health, signals, and the work in the background.
//! For binaries only; no other crate uses it.
//!
//! It is the one place that reads settings, the wall clock and the operating system's random bits. It knows no
//! store and no model server: what it works with is given to it as ports.

mod background;
mod clock;
pub mod config;
mod entropy;
mod feed;
mod health;
mod logging;
mod metrics;
mod secrets;
pub mod shipper;
mod signals;

pub use background::Background;
pub use clock::SystemClock;
pub use entropy::OsEntropy;
pub use feed::LocalFeed;
pub use health::{Readiness, routes as health_routes};
pub use logging::start as start_logging;
pub use metrics::Metrics;
pub use secrets::RefResolver;
pub use signals::Signals;
