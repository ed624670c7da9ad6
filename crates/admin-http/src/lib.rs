//! The administration's REST API over actix: keys, models, usage. It knows no store.

mod errors;
mod keys;
mod models;
mod names;
mod routes;
mod usage;

pub use routes::{Admin, routes};
