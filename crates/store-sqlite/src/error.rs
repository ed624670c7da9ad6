//! From SQLite's errors to ours.

use llmgw_types::StoreError;
use rusqlite::{Error, ErrorCode, ToSql, ffi};

use crate::connections::Session;

pub(crate) const STORE: &str = "the SQLite store";

/// What the file says that we cannot read is corrupt; everything else (a full disk, a lock held for too long)
/// may be better later.
pub(crate) fn failed(error: Error) -> StoreError {
    let unreadable = match &error {
        Error::SqliteFailure(failure, _) => {
            matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        }
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::Utf8Error(..)
        | Error::InvalidColumnType(..) => true,
        _ => false,
    };
    if unreadable {
        corrupt(error.to_string())
    } else {
        StoreError::unavailable(STORE, error)
    }
}

pub(crate) fn corrupt(detail: String) -> StoreError {
    StoreError::Corrupt { store: STORE, detail }
}

/// A broken uniqueness means that `what` exists already.
pub(crate) fn failed_to_keep(what: &str, error: Error) -> StoreError {
    match error.sqlite_extended_error_code() {
        Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => StoreError::Exists {
            what: what.to_owned(),
        },
        _ => failed(error),
    }
}

/// Why an update by id and revision changed nothing: what `find` looks for by its id is gone, or is another by now.
pub(crate) fn not_changed(
    session: &Session,
    find: &'static str,
    id: impl ToSql,
    what: impl FnOnce() -> String,
) -> StoreError {
    let found = session
        .connection
        .prepare_cached(find)
        .and_then(|mut find| find.exists([id]));
    match found {
        Ok(true) => StoreError::Changed { what: what() },
        Ok(false) => StoreError::Missing { what: what() },
        Err(error) => failed(error),
    }
}
