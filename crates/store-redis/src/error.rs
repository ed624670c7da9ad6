//! How Redis fails, told to callers without addresses or passwords.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::PoolError;
use deadpool_redis::redis::{ErrorKind, RedisError, ServerErrorKind};
use llmgw_types::StoreError;

/// The name of this store in errors.
pub(crate) const STORE: &str = "redis";

/// Settings that no server can be reached with.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The address is none.
    #[error("the address of Redis is not like redis://host:6379/0 or rediss://host:6380/0")]
    Url,
    /// A certificate authority was named for a connection without TLS.
    #[error("a certificate authority goes with an address that begins with rediss://")]
    CaWithoutTls,
    /// The text is no certificate.
    #[error("the certificate authority is not a certificate in PEM form")]
    Ca,
    /// The driver refuses them, or nodes of a cluster have different users.
    #[error("Redis cannot be used with these settings: {0}")]
    Driver(String),
}

/// A server that limits cannot be kept in.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It would drop counters to make room.
    #[error(
        "Redis evicts keys when its memory is full (maxmemory-policy {policy}), so limits would be forgotten; \
         mend it with `redis-cli CONFIG SET maxmemory-policy noeviction`, and in redis.conf"
    )]
    Evicts {
        /// Its `maxmemory_policy`.
        policy: String,
    },
    /// It is too old.
    #[error("Redis {found} is too old: 6.2 or later is needed")]
    TooOld {
        /// Its `redis_version`.
        found: String,
    },
}

/// Why one call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CallError {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("no connection: {0}")]
    Pool(Arc<PoolError>),
    #[error(transparent)]
    Redis(#[from] RedisError),
}

impl CallError {
    pub(crate) fn pool(error: PoolError) -> Self {
        Self::Pool(Arc::new(error))
    }

    /// Whether another call over the same connection may fail like this one.
    pub(crate) fn is_of_the_connection(&self) -> bool {
        match self {
            // Late is not dead: whoever waited sees how long nothing came.
            Self::Timeout(_) => false,
            Self::Pool(_) => true,
            Self::Redis(error) => {
                error.is_io_error()
                    || error.is_unrecoverable_error()
                    || error.kind() == ErrorKind::Parse
                    || self.is_of_the_server()
            }
        }
    }

    /// Whether it leads to a server that is no master any more. Such a connection lives, and is of no use.
    pub(crate) fn is_of_the_server(&self) -> bool {
        matches!(self, Self::Redis(error) if error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly))
    }
}

impl From<CallError> for StoreError {
    fn from(error: CallError) -> Self {
        Self::unavailable(STORE, error)
    }
}

/// Redis answered with something that none of our scripts says.
pub(crate) fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt {
        store: STORE,
        detail: what.to_owned(),
    }
}
