//! From the driver's errors to ours. What a driver's error quotes of a server's answer (a key's hash in a
//! duplicate, say) or of a connection string never gets into ours.

use crate::updates::Refused;
use llmgw_types::StoreError;
use mongodb::error::{
    CommandError, Error, ErrorKind, InsertManyError, TRANSIENT_TRANSACTION_ERROR,
    UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};

pub(crate) const STORE: &str = "MongoDB";

const DUPLICATE_KEY: i32 = 11_000;
/// A transaction on a server that has none.
const ILLEGAL_OPERATION: i32 = 20;

/// Why a store cannot be used as it is set up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The URL is no connection string, or some of its options have no meaning.
    #[error(
        "the MongoDB connection string cannot be read: it is like mongodb://HOST:27017/?replicaSet=rs0, with \
         any of :/?#[]@% in its user or password percent-encoded (or give these as settings of their own)"
    )]
    BadUrl,
    /// A password without a user.
    #[error("a MongoDB password is set and no user")]
    NoUser,
    /// The server is in no replica set, and so has no transactions.
    #[error(
        "this mongod is a standalone, which has no transactions: start it with `mongod --replSet rs0`, then run \
         `rs.initiate()` in mongosh once (one node is enough)"
    )]
    Standalone,
    /// The server waits to be told its replica set.
    #[error("this mongod's replica set was never initiated: run `rs.initiate()` in mongosh once")]
    Uninitiated,
    /// The server is too old for reads over one snapshot.
    #[error("this mongod is older than MongoDB 5.0")]
    TooOld,
    /// The database was laid out by a newer version of this program.
    #[error(
        "the database was made by a newer version of this program (layout {found}, this program knows {known})"
    )]
    NewerLayout {
        /// The version found.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// It cannot be reached, or holds what cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<StartError> for StoreError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error,
            other => Self::unavailable(STORE, other),
        }
    }
}

/// What of a driver's error may be told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Told(String);

/// What the server says that we cannot read is corrupt; everything else may be better later.
pub(crate) fn failed(error: Error) -> StoreError {
    if let Some(code) = refused(&error) {
        return StoreError::unavailable(STORE, Told(write_error(code)));
    }
    match *error.kind {
        ErrorKind::BsonDeserialization(error) => corrupt(error.to_string()),
        ErrorKind::Bson(error) => corrupt(error.to_string()),
        ErrorKind::Command(CommandError {
            code: ILLEGAL_OPERATION,
            ..
        }) => StartError::Standalone.into(),
        kind => StoreError::unavailable(STORE, Told(told(&kind))),
    }
}

fn refused(error: &Error) -> Option<i64> {
    error.get_custom::<Refused>().map(|refused| refused.code)
}

pub(crate) fn corrupt(detail: String) -> StoreError {
    StoreError::Corrupt { store: STORE, detail }
}

/// A broken uniqueness means that `what` exists already.
pub(crate) fn failed_to_keep(what: &str, error: Error) -> StoreError {
    if is_duplicate(&error) {
        return StoreError::Exists {
            what: what.to_owned(),
        };
    }
    failed(error)
}

/// The server already has a document with this unique value.
pub(crate) fn is_duplicate(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE_KEY,
        ErrorKind::InsertMany(InsertManyError {
            write_errors: Some(errors),
            ..
        }) => errors.iter().any(|error| error.code == DUPLICATE_KEY),
        ErrorKind::Command(error) => error.code == DUPLICATE_KEY,
        ErrorKind::Custom(_) => refused(error) == Some(i64::from(DUPLICATE_KEY)),
        _ => false,
    }
}

/// Whether a transaction that met this error may do better from its beginning.
pub(crate) fn may_pass(error: &Error) -> bool {
    let connection = matches!(
        &*error.kind,
        ErrorKind::Io(_) | ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. }
    );
    // A duplicate within a transaction is another transaction's work that ours could not see yet.
    connection || is_duplicate(error) || error.contains_label(TRANSIENT_TRANSACTION_ERROR)
}

/// Whether a commit may have happened although it failed.
pub(crate) fn is_unknown_commit(error: &Error) -> bool {
    error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
}

// The texts of write errors quote documents.
fn told(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::Command(error) => format!("{} ({})", error.message, error.code_name),
        ErrorKind::Write(WriteFailure::WriteError(error)) => write_error(error.code.into()),
        ErrorKind::InsertMany(error) => {
            let first = error.write_errors.as_ref().and_then(|errors| errors.first());
            write_error(first.map_or(0, |error| error.code.into()))
        }
        ErrorKind::InvalidArgument { .. } => StartError::BadUrl.to_string(),
        other => other.to_string(),
    }
}

fn write_error(code: i64) -> String {
    format!("a write was refused with code {code}")
}
