//! Secrets of targets, encrypted at rest (XChaCha20-Poly1305) under a master key that is kept in a file apart from the
//! store. Whoever reads the store, a backup of it or a gateway's kept catalogue has no secret.
//!
//! A sealed secret opens for the address that it was sealed for, and for no other: whoever may write to the store cannot
//! have it sent elsewhere.
//!
//! ```
//! use std::sync::Arc;
//!
//! use llmgw_models::{SecretSealer, SecretUnsealer};
//! use llmgw_secrets_seal::{MasterKeys, Seal};
//! use llmgw_types::{Entropy, ExposeSecret, SecretString};
//!
//! # struct Os;
//! # impl Entropy for Os {
//! #     fn fill(&self, bytes: &mut [u8]) {
//! #         bytes.fill(7);
//! #     }
//! # }
//! let keys = MasterKeys::parse("pZ5s8mJ1q3t0vXy9aB2cD4eF6gH8iJ0kL2mN4oP6qR8=")?;
//! let seal = Seal::new(keys, Arc::new(Os));
//! let sealed = seal.seal(&SecretString::from("sk-of-the-server"), "http://10.0.0.5:8000")?;
//! let opened = seal.unseal(&sealed, "http://10.0.0.5:8000")?;
//! assert_eq!(opened.expose_secret(), "sk-of-the-server");
//! assert!(seal.unseal(&sealed, "http://attacker.example").is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod master;
mod seal;

pub use master::{MasterKeyError, MasterKeys};
pub use seal::Seal;
