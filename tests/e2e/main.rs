//! The built gateway from outside: bytes in, bytes out, and what stands in the ledger. One file for each promise.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "what fails here fails a test; and tests stand outside of the product and its rules on time"
)]

mod crash;
mod fidelity;
mod first_start;
mod leaving;
mod limits;
mod linked;
mod metering;
mod paths;
mod realtime;
mod refusals;
mod replica;
mod upstream_failures;
