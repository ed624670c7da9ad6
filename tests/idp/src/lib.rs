//! An identity provider for tests that answers as told: rightly in every way the standards allow, and wrongly in every
//! way that somebody thought of. It signs with xmlsec and encrypts with OpenSSL, as real ones do.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::print_stderr,
    reason = "what tests are made of may fail them"
)]

mod attacks;
mod encrypt;
mod forge;
mod keys;
mod logout;
mod simplesaml;
mod valid;

pub use attacks::{Case, attacks};
pub use encrypt::{Encryption, encrypted};
pub use forge::{Parts, Signs, embed, form, sign, signature, template};
pub use keys::{Pair, keys};
pub use logout::{logout_query, logout_request, signed_query};
pub use simplesaml::SimpleSaml;
pub use valid::valid;
