//! What the file itself does: kept over restarts, shared by processes, private, refused when it is not ours.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_executor::block_on;
use llmgw_keys::UserStore;
use llmgw_models::{Model, ModelCatalog};
use llmgw_sessions::{OneTimeStore, Session, SessionStore, TokenHash};
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

#[test]
fn of_two_openers_one_takes_and_one_is_first() {
    let (path, _folder) = folder();
    let stores = [open(&path), open(&path)];
    let (now, until) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
    for round in 0..20_u8 {
        let hash = TokenHash::from_bytes([round; 32]);
        block_on(stores[0].one_time().put("log-in", &hash, b"value", until, now)).unwrap();
        let both = std::thread::scope(|scope| {
            let threads = stores.each_ref().map(|store| {
                scope.spawn(move || {
                    let store = store.one_time();
                    let taken = block_on(store.take("log-in", &hash, now)).unwrap();
                    let first =
                        block_on(store.first_use("assertion", &hash.to_string(), until, now)).unwrap();
                    (usize::from(taken.is_some()), usize::from(first))
                })
            });
            threads.map(|thread| thread.join().unwrap())
        });
        assert_eq!((both[0].0 + both[1].0, both[0].1 + both[1].1), (1, 1));
    }
}

#[test]
fn what_is_over_leaves_the_file() {
    let (path, _folder) = folder();
    let store = open(&path);
    let keep = |n: u8, now: i64| {
        let now = Timestamp::from_millis(now);
        let until = now.plus(Duration::from_millis(5));
        let session = Session::new(now, Duration::from_secs(9), Duration::from_millis(5));
        let hash = TokenHash::from_bytes([n; 32]);
        block_on(store.sessions().insert(&hash, &session, now)).unwrap();
        block_on(store.one_time().put("log-in", &hash, b"value", until, now)).unwrap();
        block_on(
            store
                .one_time()
                .first_use("assertion", &n.to_string(), until, now),
        )
        .unwrap();
    };
    let connection = rusqlite::Connection::open(&path).unwrap();
    let rows = || {
        ["sessions", "one_time_values", "used_ids"].map(|table| {
            let count = format!("SELECT count(*) FROM {table}");
            connection
                .query_row(&count, [], |row| row.get::<_, i64>(0))
                .unwrap()
        })
    };
    for n in 0..50 {
        keep(n, 0);
    }
    let kept = TokenHash::from_bytes([7; 32]);
    assert!(block_on(store.sessions().touch(&kept, Timestamp::from_millis(4))).unwrap());
    assert_eq!(rows(), [50, 50, 50]);
    keep(100, 5);
    assert_eq!(rows(), [2, 1, 1]);
}
