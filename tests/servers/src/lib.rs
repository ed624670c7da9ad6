//! Real Redis and MongoDB servers for tests, each on a free port of 127.0.0.1 with a data folder of its own.
//! A server that already runs on this machine is never used.
//!
//! Nothing is left behind, neither process nor file, however the test process ends: by dropping the handle, by
//! a panic, with the server in a `static`, by `kill -9`.
//!
//! ```no_run
//! use llmgw_servers::{Mongod, Redis};
//!
//! let redis = Redis::start();
//! redis.kill(); // as a crash does
//! redis.restart(); // on the same port
//! println!("{} {}", redis.url(), Mongod::shared().url());
//! ```
//!
//! What fails here panics: there is nobody to hand an error to.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "what fails here fails a test; and the servers stand outside of the product and its rules on time and settings"
)]

mod keeper;
mod mongod;
mod port;
mod program;
mod redis;

pub use mongod::Mongod;
pub use redis::Redis;
