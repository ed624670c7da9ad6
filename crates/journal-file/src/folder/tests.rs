use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::*;

#[test]
fn who_looks_for_folders_does_so_alone() {
    let dir = tempfile::tempdir().unwrap();
    let looking = lock_file(&dir.path().join(LOCK)).unwrap();
    looking.lock().unwrap();
    let (done, taken) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| done.send(take(dir.path())).unwrap());
        let early = taken.recv_timeout(Duration::from_millis(200));
        assert_eq!(early.map(|_| ()), Err(RecvTimeoutError::Timeout));
        looking.unlock().unwrap();
        assert!(taken.recv().unwrap().is_ok());
    });
}

#[test]
fn a_folder_is_taken_by_one_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let (own, left) = take(dir.path()).unwrap();
    assert!(left.is_empty());
    assert!(try_take(own.path()).unwrap().is_none());
    let path = own.path().to_owned();
    drop(own);
    let (_next, left) = take(dir.path()).unwrap();
    assert_eq!(left.iter().map(Folder::path).collect::<Vec<_>>(), [path]);
}

#[test]
fn only_an_empty_folder_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (own, _) = take(dir.path()).unwrap();
    let (_, segment) = own.create_segment(1).unwrap();
    assert!(!own.remove_if_empty().unwrap());
    let aside = own.set_aside(&segment).unwrap();
    assert!(own.remove_if_empty().unwrap());
    assert!(!own.path().exists() && aside.exists());
}
