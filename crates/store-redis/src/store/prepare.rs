//! Whether limits can be kept in this server.

use deadpool_redis::redis::{self, Value};
use llmgw_types::StoreError;

use super::RedisStore;
use crate::PrepareError;

const OLDEST: (u32, u32) = (6, 2);

pub(super) async fn check(store: &RedisStore) -> Result<(), PrepareError> {
    // All connections: their work is done where they were made, and that is better here than in some worker.
    for _ in 0..store.0.lines.count() {
        let pong = store.send(&redis::cmd("PING"), store.connect_timeout()).await;
        pong.map_err(StoreError::from)?;
    }
    let versions = info(store, "server", "redis_version:").await?;
    if let Some(found) = versions.into_iter().find(|found| !is_new_enough(found)) {
        return Err(PrepareError::TooOld { found });
    }
    let policies = info(store, "memory", "maxmemory_policy:").await?;
    match policies.into_iter().find(|policy| policy != "noeviction") {
        Some(policy) => Err(PrepareError::Evicts { policy }),
        None => Ok(()),
    }
}

// The values of one line of INFO: one, or in a cluster one for each node that was asked.
pub(super) async fn info(store: &RedisStore, section: &str, line: &str) -> Result<Vec<String>, StoreError> {
    let mut command = redis::cmd("INFO");
    let answer = store.send(command.arg(section), store.connect_timeout()).await?;
    let mut values = Vec::new();
    collect(&answer, line, &mut values);
    if values.is_empty() {
        values.push("unknown".to_owned());
    }
    Ok(values)
}

fn collect(value: &Value, line: &str, values: &mut Vec<String>) {
    match value {
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, line, values)),
        Value::Map(parts) => parts.iter().for_each(|(_, part)| collect(part, line, values)),
        other => {
            let text: String = redis::from_redis_value_ref(other).unwrap_or_default();
            let found = text.lines().filter_map(|text| text.strip_prefix(line));
            values.extend(found.map(|value| value.trim().to_owned()));
        }
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    matches!((parts.next(), parts.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for good in ["6.2.0", "7.0.15", "10.0.1"] {
            assert!(is_new_enough(good), "{good}");
        }
        for bad in ["6.0.16", "5.9", "unknown", ""] {
            assert!(!is_new_enough(bad), "{bad}");
        }
    }
}
