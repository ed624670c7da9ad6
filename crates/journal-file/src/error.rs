//! Why a journal could not be opened, and which errors mean that there is no room.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use llmgw_usage::journal::JournalError;

/// A journal's folder could not be made, locked or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} `{}`", path.display())]
pub struct OpenError {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: Error,
}

impl OpenError {
    // For `map_err`: what was being done to which path.
    pub(crate) fn at(doing: &'static str, path: &Path) -> impl FnOnce(Error) -> Self {
        let path = path.to_owned();
        move |source| Self { doing, path, source }
    }
}

pub(crate) fn is_full(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

pub(crate) fn refusal(error: Error) -> JournalError {
    if is_full(&error) {
        JournalError::Full(error)
    } else {
        JournalError::Io(error)
    }
}
