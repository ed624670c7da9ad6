//! What requests use: whether they may (admission), what they did use (ledger), and how none of it is lost
//! on the way (journal).
//!
//! This crate knows nothing of HTTP or of any database; it reads no clock. Each of the three modules has a
//! port for stores and an in-memory adapter that defines what the port means.

pub mod admission;
mod charges;
pub mod journal;
pub mod ledger;

pub use charges::{settled, subjects};
