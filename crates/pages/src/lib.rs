//! The pages of the self-service portal and of the administration: plain values in, HTML out.
//!
//! A view is a struct with public fields; [`Template::render`] turns it into a page. [`look`] holds what every page
//! shares (frame, static files, chart, the form of numbers and times), [`portal`] and [`admin`] the views themselves. Every page
//! works without JavaScript and under a content security policy that allows only our own files.
//!
//! This crate knows nothing of HTTP servers, sessions, stores or the services behind the portal. It reads no clock:
//! every time comes from the caller.
//!
//! ```
//! use llmgw_pages::Template;
//! use llmgw_pages::look::{Frame, SiteNames};
//! use llmgw_pages::portal::{SignInPage, Way};
//!
//! let site = SiteNames { institution: "Example University".to_owned(), ..SiteNames::default() };
//! let frame = Frame { site, ..Frame::default() };
//! let page = SignInPage { frame, way: Way::Institution { href: "/saml/login".to_owned() } };
//! assert!(page.render()?.contains("Example University"));
//! # Ok::<(), askama::Error>(())
//! ```

pub mod admin;
pub mod look;
pub mod portal;
mod texts;

pub use askama::{Result, Template};
