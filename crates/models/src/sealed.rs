//! Secrets that are kept encrypted, as this crate sees them: texts that somebody else can open.

use std::fmt;

use llmgw_types::{SecretString, StoreError};

/// The longest text, in bytes: a secret of 4 KiB fits.
const LONGEST: usize = 8 * 1024;

/// What stands before each.
const SEALED: &str = "sealed:";

/// An encrypted secret. Only where it is kept is its text written; everybody else sees `sealed`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SealedSecret(String);

impl SealedSecret {
    /// A text of the form `sealed:...`; `None` for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(SEALED)?;
        let well = |b: u8| b.is_ascii_alphanumeric() || b":-_".contains(&b);
        (!rest.is_empty() && text.len() <= LONGEST && rest.bytes().all(well)).then(|| Self(text.to_owned()))
    }

    /// The text, for where it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedSecret")
    }
}

/// Opens sealed secrets.
pub trait SecretUnsealer: Send + Sync {
    /// The secret, which is sent to `base_url`.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when its key is not there; [`StoreError::Corrupt`] when it was changed, or sealed for
    /// another address.
    fn unseal(&self, sealed: &SealedSecret, base_url: &str) -> Result<SecretString, StoreError>;
}

/// Seals secrets.
pub trait SecretSealer: SecretUnsealer {
    /// The sealed secret, which opens for `base_url` alone: whoever may write to the store cannot have it sent
    /// elsewhere. Of the same secret it is another each time.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is too long to be sealed.
    fn seal(&self, secret: &SecretString, base_url: &str) -> Result<SealedSecret, StoreError>;
}
