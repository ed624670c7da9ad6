//! What every [`AuditLog`] does with an entry that is appended.

use llmgw_types::StoreError;
use serde_json::{Value, json};

use super::fresh::{self, WORKS, append_all, chain_of, first_of, next, read};
use crate::{Actor, AuditEntry, AuditLog, Digest, Stage};

/// All fields survive, also odd text and times to the microsecond, and so does the hash.
pub async fn an_entry_comes_back_as_it_was(log: &dyn AuditLog) {
    let intended = first_of(&fresh::subject());
    let failed = AuditEntry {
        stage: Stage::Failed,
        error: Some("no such target \u{1f980}\0".to_owned()),
        ..next(&intended)
    };
    let entries = [intended, failed.sealed()];
    append_all(log, &entries).await;
    let kept = read(log, entries[0].chain).await;
    assert_eq!(kept, entries);
    assert!(kept.iter().all(|entry| entry.digest() == entry.hash));
}

/// Absent fields come back absent.
pub async fn an_entry_with_nothing_optional_comes_back_as_it_was(log: &dyn AuditLog) {
    let entry = AuditEntry {
        of: None,
        origin: None,
        action: String::new(),
        subject: String::new(),
        before: None,
        after: None,
        error: None,
        ..first_of("")
    };
    let entry = entry.sealed();
    log.append(&entry).await.expect(WORKS);
    assert_eq!(read(log, entry.chain).await, [entry]);
}

/// Every word an entry can hold.
pub async fn every_stage_and_actor_comes_back(log: &dyn AuditLog) {
    let account = "DOMAIN\\ada:\u{1f980}".to_owned();
    let mut entries = vec![first_of(&fresh::subject())];
    for actor in [
        Actor::AdminKey,
        fresh::user(),
        Actor::CommandLine { account },
        Actor::System,
    ] {
        for stage in [Stage::Intended, Stage::Done, Stage::Failed] {
            let last = entries.last().expect("it has one");
            let entry = AuditEntry {
                actor: actor.clone(),
                stage,
                ..next(last)
            };
            entries.push(entry.sealed());
        }
    }
    append_all(log, &entries).await;
    assert_eq!(read(log, entries[0].chain).await, entries);
}

/// Also those that other kinds of numbers than ours cannot hold.
pub async fn every_number_in_json_keeps_its_hash(log: &dyn AuditLog) {
    // The first is read as another one by a reader that is not exact.
    let floats = [
        9.957_624_119_745_375e-176,
        0.1,
        -0.0,
        1.0,
        1e300,
        f64::MIN_POSITIVE,
    ];
    let numbers = json!([floats, u64::MAX, i64::MIN, 0, 1]);
    let entry = AuditEntry {
        before: Some(numbers.clone()),
        after: Some(json!({ "deep": [[numbers]] })),
        ..first_of(&fresh::subject())
    };
    let entry = entry.sealed();
    log.append(&entry).await.expect(WORKS);
    let kept = read(log, entry.chain).await.remove(0);
    assert_eq!(kept.digest(), entry.hash);
    assert_eq!(
        kept.after.map(|after| after.to_string()),
        entry.after.map(|after| Value::to_string(&after))
    );
}

/// And stays it until the next one.
pub async fn an_appended_entry_is_the_head(log: &dyn AuditLog) {
    for entry in chain_of(3, &fresh::subject()) {
        log.append(&entry).await.expect(WORKS);
        let heads = log.heads().await.expect(WORKS);
        let head = heads.into_iter().find(|head| head.chain == entry.chain);
        assert_eq!(head, Some(entry.head()));
    }
}

/// The second is refused, also where it is the same, and leaves the first and the head as they were.
pub async fn a_number_is_kept_once(log: &dyn AuditLog) {
    let entries = chain_of(2, &fresh::subject());
    append_all(log, &entries).await;
    let other = AuditEntry {
        action: "model.remove".to_owned(),
        ..entries[1].clone()
    };
    for entry in [entries[1].clone(), other.sealed()] {
        assert_exists(&log.append(&entry).await);
        assert_unchanged(log, &entries).await;
    }
}

/// It cannot be written any more.
pub async fn a_number_behind_the_head_exists(log: &dyn AuditLog) {
    let entries = chain_of(3, &fresh::subject());
    append_all(log, &entries).await;
    let other = AuditEntry {
        action: "model.remove".to_owned(),
        ..entries[0].clone()
    };
    assert_exists(&log.append(&other.sealed()).await);
    assert_unchanged(log, &entries).await;
}

/// Neither a gap nor another hash of the entry before is taken, and nothing of it stays.
pub async fn an_entry_that_does_not_follow_is_missing_the_one_before(log: &dyn AuditLog) {
    let entries = chain_of(4, &fresh::subject());
    append_all(log, &entries[..2]).await;
    let elsewhere = AuditEntry {
        previous: Digest::from_bytes([7; 32]),
        ..entries[2].clone()
    };
    for entry in [entries[3].clone(), elsewhere.sealed()] {
        assert_missing(&log.append(&entry).await);
        assert_unchanged(log, &entries[..2]).await;
    }
    log.append(&entries[2]).await.expect(WORKS);
    assert_unchanged(log, &entries[..3]).await;
}

/// The first is number one and names its chain.
pub async fn a_first_entry_follows_on_its_chain(log: &dyn AuditLog) {
    let entries = chain_of(2, &fresh::subject());
    assert_missing(&log.append(&entries[1]).await);
    let elsewhere = AuditEntry {
        previous: Digest::of_chain(fresh::chain()),
        ..entries[0].clone()
    };
    assert_missing(&log.append(&elsewhere.sealed()).await);
    let chain = entries[0].chain;
    assert_eq!(read(log, chain).await, []);
    assert!(!log.chains().await.expect(WORKS).contains(&chain));
    assert!(
        log.heads()
            .await
            .expect(WORKS)
            .iter()
            .all(|head| head.chain != chain)
    );
    append_all(log, &entries).await;
    assert_unchanged(log, &entries).await;
}

fn assert_exists(appended: &Result<(), StoreError>) {
    assert!(matches!(appended, Err(StoreError::Exists { .. })), "{appended:?}");
}

fn assert_missing(appended: &Result<(), StoreError>) {
    assert!(
        matches!(appended, Err(StoreError::Missing { .. })),
        "{appended:?}"
    );
}

async fn assert_unchanged(log: &dyn AuditLog, entries: &[AuditEntry]) {
    let last = entries.last().expect("it has one");
    assert_eq!(read(log, last.chain).await, entries);
    assert!(log.heads().await.expect(WORKS).contains(&last.head()));
}
