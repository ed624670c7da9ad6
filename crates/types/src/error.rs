//! How a store fails. Absence is an `Option` and refusal is a value; only failure is here.

use std::error::Error;

/// A store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or does not answer in time. Trying again later may help.
    #[error("{store} is not available")]
    Unavailable {
        /// Which store.
        store: &'static str,
        /// What the driver said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Something with this name or id is there already.
    #[error("{what} exists already")]
    Exists {
        /// What was to be made.
        what: String,
    },
    /// What is to be changed is not there.
    #[error("{what} does not exist")]
    Missing {
        /// What was to be changed.
        what: String,
    },
    /// What is to be changed is not what it was when it was read: somebody else was faster.
    #[error("{what} was changed meanwhile")]
    Changed {
        /// What was to be changed.
        what: String,
    },
    /// The store answered with something we cannot read. Trying again does not help.
    #[error("{store} holds something unreadable: {detail}")]
    Corrupt {
        /// Which store.
        store: &'static str,
        /// What was wrong, without secrets.
        detail: String,
    },
}

impl StoreError {
    /// `store` cannot be used because of `source`.
    pub fn unavailable(store: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable {
            store,
            source: source.into(),
        }
    }
}
