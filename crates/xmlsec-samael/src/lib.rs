//! The ports of `llmgw-auth-saml` to what needs a C library: XML signatures by samael, which is xmlsec and libxml2, and
//! decryption by OpenSSL. Only the portal links this crate.
//!
//! Both are slow (a millisecond or so) and, being C, not to be trusted with just any input: whoever calls them does so
//! off the worker threads, and hands over only what passed the filter, which the types see to. A panic on the other
//! side is caught and is a refusal.

mod decryption;
mod keys;
mod signature;

pub use decryption::OpensslDecryption;
pub use keys::{KeyError, ProviderKey, certificate_from_pem};
pub use signature::SamaelSignature;
