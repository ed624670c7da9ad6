//! Brings a file to the schema of this program. `PRAGMA user_version` holds how many migrations a file has.

use llmgw_types::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::{corrupt, failed};

// Never change one that was released: add another.
const MIGRATIONS: [&str; 7] = [
    include_str!("../migrations/0001_keys_users_models.sql"),
    include_str!("../migrations/0002_ledger.sql"),
    include_str!("../migrations/0003_changes.sql"),
    include_str!("../migrations/0004_sessions.sql"),
    include_str!("../migrations/0005_revisions.sql"),
    include_str!("../migrations/0006_audit.sql"),
    include_str!("../migrations/0007_answers.sql"),
];

pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    while apply_next(connection)? {}
    Ok(())
}

/// Applies the next migration in a transaction of its own; `false` when there is none. The version is read
/// inside, because another process may be opening the same file.
fn apply_next(connection: &mut Connection) -> Result<bool, StoreError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let version: i64 = transaction
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(corrupt(format!(
            "a newer version of this program made it (schema {version}, this one knows {known}): run that version, or \
             restore a copy from before the upgrade"
        )));
    }
    let next = usize::try_from(version)
        .ok()
        .and_then(|done| MIGRATIONS.get(done));
    let Some(migration) = next else {
        return Ok(false);
    };
    transaction.execute_batch(migration).map_err(failed)?;
    transaction
        .pragma_update(None, "user_version", version + 1)
        .map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWEST: i64 = 7;

    fn version(connection: &Connection) -> i64 {
        connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn every_version_is_brought_to_the_newest_with_its_data() {
        for from in 0..=MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            for _ in 0..from {
                assert!(apply_next(&mut connection).unwrap());
            }
            assert_eq!(version(&connection), i64::try_from(from).unwrap());
            if from > 0 {
                connection
                    .execute("INSERT INTO models VALUES ('m', '{}')", [])
                    .unwrap();
            }
            migrate(&mut connection).unwrap();
            assert_eq!(version(&connection), NEWEST);
            let kept: bool = connection
                .query_row("SELECT count(*) FROM models", [], |row| row.get(0))
                .unwrap();
            assert_eq!(kept, from > 0);
        }
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        // In the way of the last table of the first migration.
        connection.execute_batch("CREATE TABLE models (x)").unwrap();
        assert!(migrate(&mut connection).is_err());
        assert_eq!(version(&connection), 0);
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 1);
    }

    #[test]
    fn a_newer_file_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .pragma_update(None, "user_version", NEWEST + 1)
            .unwrap();
        let error = migrate(&mut connection).unwrap_err().to_string();
        assert!(
            error.contains("a newer version of this program made it"),
            "{error}"
        );
    }
}
