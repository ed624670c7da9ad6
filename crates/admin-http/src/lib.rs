//! The administration's REST API over actix: keys, models, usage. What each route answers is a method of [`Admin`],
//! for the command line, which prints the same. It knows no store, no settings and no
//! model server; what it needs is in [`Admin`].
//!
//! Every route is below `/api/v1` and opens to the admin key only. Errors are problem details (RFC 9457). No
//! answer holds a secret but one: the text of a key, when it is made.

mod errors;
mod keys;
mod models;
mod names;
mod routes;
mod usage;

pub use errors::Problem;
pub use keys::WantedKey;
pub use models::{WantedModel, WantedTarget};
pub use routes::{Admin, routes};
pub use usage::{WantedEvents, WantedReport};
