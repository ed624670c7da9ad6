//! A SAML 2.0 service provider (web browser SSO and single logout): messages, a strict filter, every check of the
//! profiles, attributes and rules.
//!
//! [`login::begin`] makes the signed request, [`login::finish`] takes the answer and says who came, [`logout`] ends
//! logins both ways. What needs a C library is behind [`XmlSignature`] and [`XmlDecryption`]; what they are handed
//! passed the [`Filtered`] type before, and only what they say was signed is read.
//!
//! [`once`] keeps what may happen once behind the port of `llmgw-sessions`.
//!
//! This crate knows nothing of HTTP, cookies, settings, the wall clock, or which store that is.
//!
//! ```
//! use llmgw_auth_saml::ServiceProvider;
//!
//! let we = ServiceProvider::at("https://llm.example.org", "https://llm.example.org/saml/metadata", Vec::new())?;
//! assert_eq!(we.acs_url, "https://llm.example.org/saml/acs");
//! assert!(we.metadata().contains("AssertionConsumerService"));
//! # Ok::<(), llmgw_auth_saml::BaseUrlError>(())
//! ```

mod assertion;
mod attributes;
mod checks;
mod crypto;
mod encrypted;
mod error;
mod filter;
pub mod login;
pub mod logout;
mod metadata;
pub mod once;
mod provider;
mod request;
mod response;
mod rules;
mod xml;

pub use assertion::NameId;
pub use attributes::{Account, Attributes, Mapping, travels_as};
pub use checks::{CLOCK_SKEW, LONGEST_VALIDITY, LONGEST_WAY};
pub use crypto::{
    Certificate, ContentCipher, CryptoError, Encrypted, OaepHash, SignatureAlgorithm, WrappedKey,
    XmlDecryption, XmlSignature,
};
pub use error::Refusal;
pub use filter::{Filtered, Kind, LONGEST_MESSAGE, LONGEST_METADATA};
pub use metadata::IdentityProvider;
pub use provider::{BaseUrlError, ServiceProvider};
pub use request::{LoginWishes, Parameter, message_id};
pub use rules::{Admitted, GroupRule, Rule, Rules};
