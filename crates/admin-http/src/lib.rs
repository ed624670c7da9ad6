//! The administration over actix: models, keys, users, limits, usage, the audit log. What each route answers is a
//! method of [`Admin`], for the command line, which prints the same. It knows no store, no settings and no
//! model server; what it needs is in [`Admin`].
//!
//! The REST API is below `/api/v1`, calls of the system that this one replaces below `/admin`, pages are everywhere else.
//! [`Doors`] say who comes in: whoever shows the admin key, and administrators and auditors whom the portal hands over.
//! What each route needs is in one table, `rights.rs`. Every change is in the audit log before it is made, and again when it is. Errors are problem details
//! (RFC 9457). No answer holds a secret but one: the text of a key, when it is made.

mod admin;
pub mod apply;
mod audit;
mod caller;
mod doors;
mod etag;
mod keys;
mod legacy;
mod limits;
mod models;
mod openapi;
mod pages;
mod paging;
mod patch;
mod problem;
mod rights;
mod routes;
mod usage;
mod users;
mod words;

pub use admin::Admin;
pub use llmgw_browser_http::{CookieKey, base_url};

pub use audit::{Checked, Entry, Filter as AuditFilter, Heads};
pub use caller::Caller;
pub use doors::{Doors, Handovers, PublicKeyError};
pub use keys::{Filter as KeyFilter, PatchedKey, ShownKey, WantedKey};
pub use limits::groups::{Groups, ShownGroup, WantedGroup};
pub use limits::left::{Left, LeftLimit};
pub use limits::{Defaults, InForce, WantedDefaults};
pub use models::tested::{TestedTarget, TestedTargets};
pub use models::{Models, ShownModel, ShownTarget, WantedModel, WantedSecret, WantedTarget};
pub use openapi::openapi;
pub use paging::Listed;
pub use problem::Problem;
pub use routes::routes;
pub use usage::chargeback::Chargeback;
pub use usage::events::{Event, Events};
pub use usage::{Month, Row, ShownReport, Sum, WantedEvents, WantedMonth, WantedReport};
pub use users::exported::Exported;
pub use users::{Filter as UserFilter, PatchedUser, ShownUser, SignedOut, WantedUser};
