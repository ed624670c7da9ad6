//! The self service over actix: people log in, make keys of their own, and see what they used.
//!
//! Pages work without scripts; the same is there as REST below `/api/v1/me`. Every change carries a token of its
//! session, and pages may load nothing from elsewhere. What it needs is in [`Portal`]; it knows no store, no settings
//! and no C library.

mod api;
mod errors;
mod facts;
mod forms;
mod handover;
mod headers;
mod local;
mod pages;
mod portal;
mod routes;
mod saml;
mod session;
mod views;

pub use api::openapi;
pub use handover::{Handover, HandoverKeyError};
pub use llmgw_browser_http::CookieKey;
pub use portal::{Agreement, Portal, SignIn, Site};
pub use routes::routes;
pub use saml::{IdpMetadata, SamlLogin};
