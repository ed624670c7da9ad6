//! The whole portal on memory adapters, with a clock that a test sets.

mod changes;
mod handover;
mod logins;
mod own;
mod world;
