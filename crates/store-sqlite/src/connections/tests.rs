use std::path::PathBuf;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use futures_executor::block_on;
use llmgw_types::StoreError;
use tempfile::TempDir;

use super::*;

const INSERT: &str = "INSERT INTO models (id, document) VALUES (?1, '{}')";

fn open() -> (Connections, PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("llmgw.db");
    std::fs::File::create(&path).unwrap();
    (
        Connections::open(&path, &Options::default()).unwrap(),
        path,
        folder,
    )
}

fn insert(connections: &Connections, id: &'static str) -> Result<(), StoreError> {
    let work =
        move |session: &mut Session| session.connection.execute(INSERT, [id]).map(drop).map_err(failed);
    block_on(connections.write(work))
}

fn ids(connections: &Connections) -> Vec<String> {
    let read = |connection: &Connection| {
        connection
            .prepare("SELECT id FROM models ORDER BY id")?
            .query_map([], |row| row.get(0))?
            .collect()
    };
    block_on(connections.read(read)).unwrap()
}

/// Keeps the writing thread busy until the sender is used or dropped.
fn hold_writer(
    connections: &Connections,
) -> (impl Future<Output = Result<(), StoreError>>, mpsc::Sender<()>) {
    let (go_on, wait) = mpsc::channel();
    let (begun, running) = mpsc::channel();
    let held = connections.write(move |session| {
        session.connection.execute(INSERT, ["held"]).map_err(failed)?;
        begun.send(()).unwrap();
        let _ = wait.recv();
        Ok(())
    });
    let mut held = Box::pin(held);
    poll(&mut held);
    running.recv().unwrap();
    (held, go_on)
}

fn poll<F: Future + Unpin>(future: &mut F) {
    let polled = std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending));
}

#[test]
fn reading_does_not_wait_for_writing() {
    let (connections, _path, _folder) = open();
    insert(&connections, "before").unwrap();
    let (held, go_on) = hold_writer(&connections);
    assert_eq!(ids(&connections), ["before"]);
    go_on.send(()).unwrap();
    block_on(held).unwrap();
    assert_eq!(ids(&connections), ["before", "held"]);
}

#[test]
fn dropping_finishes_what_is_queued() {
    let (connections, path, _folder) = open();
    let (held, go_on) = hold_writer(&connections);
    let queued: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .map(|id| {
            let work = move |session: &mut Session| {
                session.connection.execute(INSERT, [id]).map(drop).map_err(failed)
            };
            let mut queued = Box::pin(connections.write(work));
            poll(&mut queued);
        })
        .collect();
    assert_eq!(queued.len(), 3);
    drop(held);
    let releaser = std::thread::spawn(move || go_on.send(()).unwrap());
    drop(connections);
    releaser.join().unwrap();
    assert!(
        !path.with_extension("db-wal").exists(),
        "the side files were folded in"
    );
    let connections = Connections::open(&path, &Options::default()).unwrap();
    assert_eq!(ids(&connections), ["a", "b", "c", "held"]);
}

#[test]
fn work_that_fails_in_a_group_leaves_the_others_whole() {
    let (connections, _path, _folder) = open();
    let (held, go_on) = hold_writer(&connections);
    let half = connections.write(|session| {
        session.connection.execute(INSERT, ["half"]).map_err(failed)?;
        session
            .connection
            .execute(INSERT, ["held"])
            .map(drop)
            .map_err(failed)
    });
    let whole = connections.write(|session| {
        session
            .connection
            .execute(INSERT, ["whole"])
            .map(drop)
            .map_err(failed)
    });
    let (mut half, mut whole) = (Box::pin(half), Box::pin(whole));
    poll(&mut half);
    poll(&mut whole);
    go_on.send(()).unwrap();
    block_on(held).unwrap();
    assert!(block_on(half).is_err());
    block_on(whole).unwrap();
    assert_eq!(ids(&connections), ["held", "whole"]);
}

#[test]
fn a_full_disk_is_unavailable_and_passes() {
    let (connections, _path, _folder) = open();
    let pages = |count: i64| {
        block_on(connections.write(move |session| {
            session
                .connection
                .pragma_update_and_check(None, "max_page_count", count, |_| Ok(()))
                .map_err(failed)
        }))
        .unwrap();
    };
    let fill = |bytes: usize| {
        block_on(connections.write(move |session| {
            session
                .connection
                .execute(INSERT, ["kept back"])
                .map_err(failed)?;
            let text = "INSERT INTO models (id, document) VALUES ('big', zeroblob(?1) || '')";
            session
                .connection
                .execute(text, [i64::try_from(bytes).unwrap()])
                .map(drop)
                .map_err(failed)
        }))
    };
    insert(&connections, "before").unwrap();
    pages(1);
    let refused = fill(1 << 20);
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    assert_eq!(ids(&connections), ["before"]);
    pages(1 << 20);
    fill(1 << 20).unwrap();
    assert_eq!(ids(&connections), ["before", "big", "kept back"]);
}

#[test]
fn a_transaction_rolled_back_by_sqlite_fails_those_before_it_and_not_those_after() {
    let (connections, _path, _folder) = open();
    let (held, go_on) = hold_writer(&connections);
    let rolled_back =
        connections.write(|session| session.connection.execute_batch("ROLLBACK").map_err(failed));
    let after = connections.write(|session| {
        session
            .connection
            .execute(INSERT, ["after"])
            .map(drop)
            .map_err(failed)
    });
    let (mut rolled_back, mut after) = (Box::pin(rolled_back), Box::pin(after));
    poll(&mut rolled_back);
    poll(&mut after);
    go_on.send(()).unwrap();
    assert!(matches!(block_on(held), Err(StoreError::Unavailable { .. })));
    assert!(matches!(
        block_on(rolled_back),
        Err(StoreError::Unavailable { .. })
    ));
    block_on(after).unwrap();
    assert_eq!(ids(&connections), ["after"]);
}

#[test]
fn a_dead_thread_is_unavailable_and_nobody_hangs() {
    let (connections, _path, _folder) = open();
    let dies = block_on(connections.write::<(), _>(|_| panic!("a test ends this thread")));
    assert!(matches!(dies, Err(StoreError::Unavailable { .. })), "{dies:?}");
    assert!(matches!(
        insert(&connections, "late"),
        Err(StoreError::Unavailable { .. })
    ));
    assert_eq!(ids(&connections), [""; 0]);
    for _ in 0..READERS {
        let dies = block_on(connections.read::<(), _>(|_| panic!("a test ends this thread")));
        assert!(matches!(dies, Err(StoreError::Unavailable { .. })), "{dies:?}");
    }
    let late = block_on(connections.read(|_| Ok(())));
    assert!(matches!(late, Err(StoreError::Unavailable { .. })), "{late:?}");
}

#[test]
fn what_is_confirmed_is_on_the_disk() {
    let (connections, _path, _folder) = open();
    // 2 is FULL.
    let synchronous = block_on(connections.write(|session| {
        session
            .connection
            .pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0))
            .map_err(failed)
    }));
    assert_eq!(synchronous.unwrap(), 2);
}
