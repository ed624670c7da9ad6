//! What the file itself does: kept over restarts, shared by processes, private, refused when it is not ours.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use futures_executor::block_on;
use llmgw_keys::UserStore;
use llmgw_models::{Model, ModelCatalog};
use llmgw_store_sqlite::{Options, SqliteStore};
use llmgw_types::{ModelId, StoreError, Timestamp};
use llmgw_usage::ledger::{ReportQuery, UsageLedger, contract};
use tempfile::TempDir;

fn folder() -> (PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (folder.path().join("llmgw.db"), folder)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &Options::default()).unwrap()
}

fn model(id: &str) -> Model {
    Model::new(ModelId::parse(id).unwrap(), Timestamp::from_millis(1))
}

fn requests(store: &SqliteStore) -> u64 {
    block_on(store.ledger().report(&ReportQuery::default())).unwrap()[0]
        .total
        .requests
}

#[test]
fn everything_is_there_after_a_restart() {
    let (path, _folder) = folder();
    let records = [contract::record(), contract::record()];
    {
        let store = open(&path);
        block_on(store.models().insert(&model("m"))).unwrap();
        block_on(store.ledger().append(&records)).unwrap();
    }
    let store = open(&path);
    assert_eq!(block_on(store.models().list()).unwrap(), [model("m")]);
    assert_eq!(requests(&store), 2);
    assert_eq!(block_on(store.ledger().append(&records)).unwrap(), 0);
}

#[test]
fn a_handle_outlives_the_store() {
    let (path, _folder) = folder();
    let models = open(&path).models();
    block_on(models.insert(&model("m"))).unwrap();
    assert_eq!(block_on(models.clone().list()).unwrap().len(), 1);
}

#[test]
fn two_openers_of_one_file_see_each_others_writes() {
    let (path, _folder) = folder();
    let stores: Vec<SqliteStore> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| open(&path))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let batches: Vec<Vec<_>> = (0..20)
        .map(|_| (0..10).map(|_| contract::record()).collect())
        .collect();
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| {
                for batch in &batches {
                    block_on(store.ledger().append(batch)).unwrap();
                }
            });
        }
    });
    for (n, store) in stores.iter().enumerate() {
        assert_eq!(requests(store), 200);
        block_on(store.models().insert(&model(&format!("m{n}")))).unwrap();
    }
    assert_eq!(block_on(stores[0].models().list()).unwrap().len(), 4);
    assert_eq!(block_on(stores[0].ledger().verify()).unwrap().differences, 0);
}

#[cfg(unix)]
#[test]
fn a_new_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (path, folder) = folder();
    let store = open(&path);
    block_on(store.models().insert(&model("m"))).unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(files.len() > 1, "the side files are there as well");
    for file in files {
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{file:?}"
        );
    }
}

#[test]
fn a_file_that_is_not_ours_is_refused() {
    let (path, _folder) = folder();
    std::fs::write(
        &path,
        "this is no database, but it is long enough to be read as one".repeat(20),
    )
    .unwrap();
    let refused = SqliteStore::open(&path, &Options::default());
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let (path, _folder) = folder();
    drop(open(&path));
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let refused = SqliteStore::open(&path, &Options::default())
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("newer version") && refused.contains("99"),
        "{refused}"
    );
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 99);
}

#[test]
fn a_folder_that_is_missing_is_named() {
    let (path, _folder) = folder();
    let refused = SqliteStore::open(&path.join("llmgw.db"), &Options::default()).unwrap_err();
    let source = std::error::Error::source(&refused).unwrap().to_string();
    assert!(source.contains("llmgw.db/llmgw.db"), "{source}");
}

#[test]
fn what_cannot_be_read_is_corrupt() {
    let (path, _folder) = folder();
    let store = open(&path);
    block_on(store.models().insert(&model("m"))).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute("UPDATE models SET document = '{}'", [])
        .unwrap();
    let error = block_on(store.models().list()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(block_on(store.users().by_name("nobody")).unwrap().is_none());
}
