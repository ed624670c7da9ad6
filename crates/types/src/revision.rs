//! How often something was changed, so that nobody overwrites what they have not seen; and trying again where somebody
//! else was faster.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::StoreError;

/// Somebody else is faster so often only where something goes round in circles.
const ATTEMPTS: usize = 10;

/// Counts the changes of a record from 0 on. A store takes a change of the latest revision only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(u32);

impl Revision {
    /// The revision of this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Revision {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A failure that may be that somebody else was faster: what was to be changed is not what was read.
pub trait Overtaken {
    /// Whether it is.
    fn is_overtaken(&self) -> bool;
}

impl Overtaken for StoreError {
    fn is_overtaken(&self) -> bool {
        matches!(self, Self::Changed { .. })
    }
}

/// Does `work`, which reads something, changes it and keeps it, anew while somebody else was faster.
///
/// # Errors
/// Those of `work`; that it was overtaken only after many attempts.
pub async fn until_kept<T, E, F>(work: impl Fn() -> F) -> Result<T, E>
where
    E: Overtaken,
    F: Future<Output = Result<T, E>>,
{
    for _ in 1..ATTEMPTS {
        match work().await {
            Err(error) if error.is_overtaken() => {}
            done => return done,
        }
    }
    work().await
}
