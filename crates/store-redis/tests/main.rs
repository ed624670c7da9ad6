//! Everything in this crate against a real server.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, also when it waited too long"
)]

mod admission;
mod answers;
mod cache;
mod cluster;
mod feed;
mod line;
mod outage;
mod server;
mod sessions;
mod settings;
mod tls;
