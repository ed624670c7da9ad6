//! What every [`KeyStore`] does.

use llmgw_types::{KeyId, Limit, ModelId, StoreError, Timestamp, Unit, UserId, Window};

use super::fresh;
use crate::{ApiKey, KeyState, KeyStore, Page};

const WORKS: &str = "the store answers";

/// All fields survive, also those with many values and odd text.
pub async fn an_inserted_key_is_found_as_it_was(store: &dyn KeyStore) {
    let key = full_key();
    store.insert(&key).await.expect(WORKS);
    assert_eq!(store.get(key.id).await.expect(WORKS).as_ref(), Some(&key));
    assert_eq!(store.by_hash(&key.hash).await.expect(WORKS), Some(key));
}

/// Absent fields come back absent.
pub async fn a_key_with_nothing_optional_is_found_as_it_was(store: &dyn KeyStore) {
    let key = inserted(store, fresh::key()).await;
    assert_eq!(store.get(key.id).await.expect(WORKS), Some(key));
}

/// Absence is no error.
pub async fn unknown_keys_are_none(store: &dyn KeyStore) {
    assert_eq!(store.get(fresh::key_id()).await.expect(WORKS), None);
    assert_eq!(store.by_hash(&fresh::hash()).await.expect(WORKS), None);
}

/// A second key with the same id or hash is refused and leaves the first as it was.
pub async fn an_id_or_a_hash_is_kept_once(store: &dyn KeyStore) {
    let key = inserted(store, fresh::key()).await;
    let same_id = ApiKey {
        id: key.id,
        name: "other".to_owned(),
        ..fresh::key()
    };
    let same_hash = ApiKey {
        hash: key.hash,
        name: "other".to_owned(),
        ..fresh::key()
    };
    for twin in [&same_id, &same_hash] {
        let refused = store.insert(twin).await;
        assert!(matches!(refused, Err(StoreError::Exists { .. })), "{refused:?}");
    }
    assert_eq!(store.by_hash(&same_id.hash).await.expect(WORKS), None);
    assert_eq!(store.get(same_hash.id).await.expect(WORKS), None);
    assert_eq!(store.get(key.id).await.expect(WORKS), Some(key));
}

/// Nothing of the former key is left.
pub async fn an_update_replaces_all_fields(store: &dyn KeyStore) {
    let before = inserted(store, full_key()).await;
    let after = ApiKey {
        id: before.id,
        name: "renamed".to_owned(),
        ..fresh::key()
    };
    let after = updated(store, after).await;
    let again = ApiKey {
        id: before.id,
        revision: after.revision,
        ..full_key()
    };
    let again = updated(store, again).await;
    // To what is there already is a change as well.
    updated(store, again).await;
}

/// Whoever changes what somebody else changed meanwhile is told so, and changes nothing.
pub async fn an_update_of_what_was_changed_meanwhile_is_refused(store: &dyn KeyStore) {
    let read = inserted(store, full_key()).await;
    let named = |name: &str| ApiKey {
        name: name.to_owned(),
        ..read.clone()
    };
    let first = updated(store, named("first")).await;
    store
        .touch(&[(read.id, Timestamp::from_micros(1))])
        .await
        .expect(WORKS);
    let second = store.update(&named("second")).await;
    assert!(matches!(second, Err(StoreError::Changed { .. })), "{second:?}");
    assert_eq!(store.get(read.id).await.expect(WORKS).as_ref(), Some(&first));
    updated(store, first).await;
}

/// The old hash finds nothing any more.
pub async fn an_updated_hash_is_the_one_that_finds(store: &dyn KeyStore) {
    let before = inserted(store, fresh::key()).await;
    let after = ApiKey {
        hash: fresh::hash(),
        ..before.clone()
    };
    let after = updated(store, after).await;
    assert_eq!(store.by_hash(&before.hash).await.expect(WORKS), None);
    assert_eq!(
        store.by_hash(&after.hash).await.expect(WORKS).as_ref(),
        Some(&after)
    );
    let heir = inserted(
        store,
        ApiKey {
            hash: before.hash,
            ..fresh::key()
        },
    )
    .await;
    assert_eq!(store.by_hash(&before.hash).await.expect(WORKS), Some(heir));
}

/// A hash cannot be taken from another key.
pub async fn an_update_keeps_hashes_unique(store: &dyn KeyStore) {
    let one = inserted(store, fresh::key()).await;
    let two = inserted(store, fresh::key()).await;
    let refused = store
        .update(&ApiKey {
            hash: one.hash,
            name: "thief".to_owned(),
            ..two.clone()
        })
        .await;
    assert!(matches!(refused, Err(StoreError::Exists { .. })), "{refused:?}");
    assert_eq!(store.by_hash(&one.hash).await.expect(WORKS), Some(one));
    assert_eq!(store.by_hash(&two.hash).await.expect(WORKS), Some(two));
}

/// An update makes no key.
pub async fn an_update_of_an_unknown_key_is_missing(store: &dyn KeyStore) {
    let key = fresh::key();
    let refused = store.update(&key).await;
    assert!(matches!(refused, Err(StoreError::Missing { .. })), "{refused:?}");
    assert_eq!(store.get(key.id).await.expect(WORKS), None);
}

/// An update that says otherwise does not give it back.
pub async fn a_revoked_key_stays_revoked(store: &dyn KeyStore) {
    let active = inserted(store, fresh::key()).await;
    let revoked = ApiKey {
        state: KeyState::Revoked,
        ..active
    };
    let revoked = updated(store, revoked).await;
    let again = ApiKey {
        name: "renamed".to_owned(),
        state: KeyState::Active,
        ..revoked
    };
    store.update(&again).await.expect(WORKS);
    let expected = ApiKey {
        state: KeyState::Revoked,
        revision: again.revision.next(),
        ..again
    };
    assert_eq!(store.by_hash(&expected.hash).await.expect(WORKS), Some(expected));
}

/// Earlier times never replace later ones, within a call and between calls; unknown ids are passed over.
pub async fn a_touch_moves_forward_only(store: &dyn KeyStore) {
    let key = inserted(store, fresh::key()).await;
    let other = inserted(store, fresh::key()).await;
    let at = |micros: i64| Timestamp::from_micros(1_900_000_000_000_000 + micros);
    let used = [
        (key.id, at(5)),
        (fresh::key_id(), at(9)),
        (key.id, at(4)),
        (other.id, at(1)),
    ];
    store.touch(&used).await.expect(WORKS);
    assert_eq!(last_used(store, key.id).await, Some(at(5)));
    assert_eq!(last_used(store, other.id).await, Some(at(1)));
    store
        .touch(&[(key.id, at(3)), (other.id, at(2))])
        .await
        .expect(WORKS);
    assert_eq!(last_used(store, key.id).await, Some(at(5)));
    assert_eq!(last_used(store, other.id).await, Some(at(2)));
    store.touch(&[]).await.expect(WORKS);
}

/// Only the time of last use is changed; a revoked key is noted too.
pub async fn a_touch_changes_nothing_else(store: &dyn KeyStore) {
    let key = inserted(
        store,
        ApiKey {
            state: KeyState::Revoked,
            last_used_at: None,
            ..full_key()
        },
    )
    .await;
    let at = Timestamp::from_micros(1_900_000_000_000_001);
    store.touch(&[(key.id, at)]).await.expect(WORKS);
    let expected = ApiKey {
        last_used_at: Some(at),
        ..key
    };
    assert_eq!(store.get(expected.id).await.expect(WORKS), Some(expected));
}

/// Pages follow each other without gaps and without repeats; a page of nothing is empty.
pub async fn lists_have_one_owner_in_order_and_in_pages(store: &dyn KeyStore) {
    let owner = fresh::user_id();
    let ids: Vec<KeyId> = (0..5).map(|_| fresh::key_id()).collect();
    // Made in another order than that of their ids, with a stranger's key between.
    for at in [3, 0, 4, 2, 1] {
        inserted(
            store,
            ApiKey {
                id: ids[at],
                owner,
                ..fresh::key()
            },
        )
        .await;
        inserted(store, fresh::key()).await;
    }
    assert_eq!(page(store, Some(owner), None, 3).await, ids[..3]);
    assert_eq!(page(store, Some(owner), Some(ids[2]), 3).await, ids[3..]);
    assert_eq!(page(store, Some(owner), Some(ids[4]), 3).await, []);
    assert_eq!(page(store, Some(owner), None, 0).await, []);
    assert_eq!(page(store, Some(owner), None, usize::MAX).await, ids);
    assert_eq!(page(store, Some(fresh::user_id()), None, 9).await, []);
}

/// Without an owner, pages go through the keys of all.
pub async fn lists_of_everybody_are_in_order(store: &dyn KeyStore) {
    let mut wanted = Vec::new();
    let before_all = fresh::key_id();
    for _ in 0..5 {
        wanted.push(inserted(store, fresh::key()).await.id);
    }
    let (mut seen, mut after) = (Vec::new(), Some(before_all));
    while seen.last() < wanted.last() {
        let ids = page(store, None, after, 2).await;
        assert!(!ids.is_empty() && ids.len() <= 2, "{ids:?} after {after:?}");
        after = ids.last().copied();
        seen.extend(ids);
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    seen.retain(|id| wanted.contains(id));
    assert_eq!(seen, wanted);
}

async fn inserted(store: &dyn KeyStore, key: ApiKey) -> ApiKey {
    store.insert(&key).await.expect(WORKS);
    key
}

// As it is there now.
async fn updated(store: &dyn KeyStore, key: ApiKey) -> ApiKey {
    store.update(&key).await.expect(WORKS);
    let revision = key.revision.next();
    let kept = ApiKey { revision, ..key };
    assert_eq!(store.get(kept.id).await.expect(WORKS).as_ref(), Some(&kept));
    kept
}

async fn last_used(store: &dyn KeyStore, id: KeyId) -> Option<Timestamp> {
    store
        .get(id)
        .await
        .expect(WORKS)
        .expect("the key is there")
        .last_used_at
}

async fn page(store: &dyn KeyStore, owner: Option<UserId>, after: Option<KeyId>, limit: usize) -> Vec<KeyId> {
    let keys = store.list(owner, Page { after, limit }).await.expect(WORKS);
    keys.iter().map(|key| key.id).collect()
}

fn full_key() -> ApiKey {
    let model = |text| ModelId::parse(text).expect("a model id");
    let limit = |unit, window, amount| Limit::new(unit, window, amount).expect("a limit");
    ApiKey {
        hint: "sk-llmgw-ab\"'...{}%_".to_owned(),
        name: "büro 'a' \"b\" \\ 🔑".to_owned(),
        models: vec![model("z/last@fp8"), model("a:first")],
        limits: vec![
            limit(Unit::Cost, Window::Month, u64::MAX),
            limit(Unit::InFlight, Window::None, 0),
        ],
        expires_at: Some(Timestamp::from_micros(4_102_444_800_123_456)),
        last_used_at: Some(Timestamp::from_micros(1_800_000_000_654_321)),
        replaces: Some(fresh::key_id()),
        ..fresh::key()
    }
}
