//! Lists come in pages: each names the last entry of the one before.

use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;

/// The most entries on a page, unless the caller says so.
const USUAL: usize = 100;

/// The most there may be.
pub(crate) const MOST: usize = 1_000;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The entries.
    pub data: Vec<T>,
    /// What to send as `after` for the next page; null where this is the last.
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// A page that may have `limit` entries; the next one begins after the one that has `id`.
    pub(crate) fn new(data: Vec<T>, limit: usize, id: impl Fn(&T) -> String) -> Self {
        let next = data.last().filter(|_| data.len() == limit).map(id);
        Self { data, next }
    }
}

/// How many entries a page has.
pub(crate) fn limit(wanted: Option<usize>) -> Result<usize, Problem> {
    let limit = wanted.unwrap_or(USUAL);
    if (1..=MOST).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::invalid(format!("limit: must be 1 to {MOST}")))
    }
}
