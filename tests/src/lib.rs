//! The harness of the end-to-end tests: the built gateway as a child process, a client that knows every byte,
//! and a model server that does what it is told. It knows the product's interfaces only, none of its crates.
//!
//! A test that fails panics: there is nobody to hand an error to.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "what fails here fails a test; and the harness stands outside of the product and its rules on time and tasks"
)]

mod admin;
pub mod answers;
mod gateway;
mod http;
mod setup;
mod tap;
mod wait;

pub use admin::{Admin, Event, Key, Tokens};
pub use gateway::Gateway;
pub use http::{Answer, Connection, Head, Piece, Request};
pub use setup::{Failed, Setup};
pub use tap::{Call, Received, Reply, Tap};
pub use wait::{DEADLINE, eventually, within};
