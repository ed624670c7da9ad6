//! The combinations of user, key, model, endpoint, target and groups that were seen, each with a small number.

use std::collections::HashMap;

use llmgw_types::GroupName;
use llmgw_usage::ledger::UsageRecord;
use rusqlite::{Connection, OptionalExtension};

// About 20 MB. Beyond it the cache starts anew.
const CAPACITY: usize = 65_536;

const FIND: &str = "
    SELECT id FROM usage_dimensions
    WHERE user_id = ?1 AND key_id = ?2 AND model = ?3 AND endpoint = ?4 AND target = ?5 AND group_set = ?6";

const INSERT: &str = "
    INSERT INTO usage_dimensions (user_id, key_id, model, endpoint, target, group_set)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Remembers the numbers of combinations, which never change once they are committed.
#[derive(Debug, Default)]
pub(crate) struct Dimensions {
    known: HashMap<Box<[u8]>, i64>,
    // Used again for every record: a look-up then allocates nothing.
    key: Vec<u8>,
}

impl Dimensions {
    /// Forgets everything: a transaction was rolled back, and its numbers with it.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    /// The number of the record's combination, a new one where it was never seen.
    pub(super) fn id(&mut self, connection: &Connection, record: &UsageRecord) -> rusqlite::Result<i64> {
        encode(&mut self.key, record);
        if let Some(id) = self.known.get(self.key.as_slice()) {
            return Ok(*id);
        }
        let id = find_or_insert(connection, record)?;
        if self.known.len() >= CAPACITY {
            self.known.clear();
        }
        self.known.insert(self.key.as_slice().into(), id);
        Ok(id)
    }
}

fn find_or_insert(connection: &Connection, record: &UsageRecord) -> rusqlite::Result<i64> {
    let groups = group_set(&record.groups)?;
    let params = (
        record.user.as_bytes(),
        record.key.as_bytes(),
        record.model.as_str(),
        record.endpoint.as_str(),
        record.target.as_ref().map_or("", |target| target.as_str()),
        groups.as_str(),
    );
    let found = connection
        .prepare_cached(FIND)?
        .query_row(params, |row| row.get(0))
        .optional()?;
    match found {
        Some(id) => Ok(id),
        None => connection.prepare_cached(INSERT)?.insert(params),
    }
}

fn group_set(groups: &[GroupName]) -> rusqlite::Result<String> {
    serde_json::to_string(groups).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

// Ids have a fixed length, names are at most 256 bytes and cannot hold a zero byte.
fn encode(key: &mut Vec<u8>, record: &UsageRecord) {
    key.clear();
    key.extend_from_slice(record.user.as_bytes());
    key.extend_from_slice(record.key.as_bytes());
    let target = record.target.as_ref().map_or("", |target| target.as_str());
    let names = [record.model.as_str(), record.endpoint.as_str(), target];
    for name in names
        .into_iter()
        .chain(record.groups.iter().map(GroupName::as_str))
    {
        key.extend_from_slice(name.as_bytes());
        key.push(0);
    }
}
