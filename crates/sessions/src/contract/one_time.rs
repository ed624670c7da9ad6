//! What every [`OneTimeStore`] does.

use llmgw_types::Timestamp;

use super::fresh::{self, HOUR, MICRO, MINUTE, NOW, WORKS};
use crate::{OneTimeStore, TokenHash};

const KIND: &str = "log-in";

/// Any bytes survive, none among them, and a second taker finds nothing.
pub async fn a_value_is_taken_as_it_was_and_once(store: &dyn OneTimeStore) {
    let every: Vec<u8> = (0..=255).collect();
    for value in [&b"https://gateway.example/?a=b"[..], b"", &every] {
        let hash = fresh::hash();
        put(store, KIND, &hash, value).await;
        assert_eq!(take(store, KIND, &hash, NOW).await.as_deref(), Some(value));
        assert_eq!(take(store, KIND, &hash, NOW).await, None);
    }
}

/// Absence is no error.
pub async fn unknown_values_are_none(store: &dyn OneTimeStore) {
    assert_eq!(take(store, KIND, &fresh::hash(), NOW).await, None);
}

/// It is there up to its moment, exactly.
pub async fn a_value_is_gone_from_its_moment_on(store: &dyn OneTimeStore) {
    let (early, late) = (fresh::hash(), fresh::hash());
    put(store, KIND, &early, b"early").await;
    put(store, KIND, &late, b"late").await;
    let end = NOW.plus(MINUTE);
    assert_eq!(take(store, KIND, &late, end).await, None);
    let taken = take(store, KIND, &early, end.minus(MICRO)).await;
    assert_eq!(taken.as_deref(), Some(&b"early"[..]));
}

/// Who comes too late does not leave the value to another whose clock is behind.
pub async fn a_late_taker_leaves_nothing_behind(store: &dyn OneTimeStore) {
    let hash = fresh::hash();
    put(store, KIND, &hash, b"value").await;
    assert_eq!(take(store, KIND, &hash, NOW.plus(HOUR)).await, None);
    assert_eq!(take(store, KIND, &hash, NOW).await, None);
}

/// The later one is there, until its own moment.
pub async fn a_value_replaces_another(store: &dyn OneTimeStore) {
    let hash = fresh::hash();
    put(store, KIND, &hash, b"first").await;
    let until = NOW.plus(2 * HOUR);
    store.put(KIND, &hash, b"second", until, NOW).await.expect(WORKS);
    let taken = take(store, KIND, &hash, NOW.plus(HOUR)).await;
    assert_eq!(taken.as_deref(), Some(&b"second"[..]));
    assert_eq!(take(store, KIND, &hash, NOW).await, None);
}

/// The same hash under another kind is another value.
pub async fn kinds_of_values_are_apart(store: &dyn OneTimeStore) {
    let hash = fresh::hash();
    let kinds = ["a", "A", "a:", "", "ab"];
    for kind in kinds {
        put(store, kind, &hash, kind.as_bytes()).await;
    }
    assert_eq!(take(store, "b", &hash, NOW).await, None);
    for kind in kinds {
        let taken = take(store, kind, &hash, NOW).await;
        assert_eq!(taken.as_deref(), Some(kind.as_bytes()));
    }
}

/// Whoever comes later has used it again.
pub async fn an_id_is_used_first_once(store: &dyn OneTimeStore) {
    let (one, two) = (fresh::name(), fresh::name());
    assert!(first(store, KIND, &one, NOW).await);
    assert!(!first(store, KIND, &one, NOW).await);
    assert!(first(store, KIND, &two, NOW).await);
    assert!(!first(store, KIND, &one, NOW).await);
}

/// It is remembered up to its moment, exactly, and a second use does not move that.
pub async fn an_id_is_forgotten_from_its_moment_on(store: &dyn OneTimeStore) {
    let id = fresh::name();
    let end = NOW.plus(MINUTE);
    assert!(first(store, KIND, &id, NOW).await);
    assert!(!first(store, KIND, &id, end.minus(MICRO)).await);
    assert!(first(store, KIND, &id, end).await);
    assert!(!first(store, KIND, &id, end).await);
}

/// Where a kind ends and its id begins matters, and so does case.
pub async fn kinds_of_ids_are_apart(store: &dyn OneTimeStore) {
    let name = fresh::name();
    let id = |text: &str| format!("{text}{name}");
    for (kind, id) in [
        ("a", id("b")),
        ("ab", id("")),
        ("", id("ab")),
        ("a:", id("b")),
        ("a", id(":b")),
        ("A", id("b")),
        ("a", id("B")),
        ("a", id("b ")),
        ("a", id("é\0b")),
    ] {
        assert!(first(store, kind, &id, NOW).await, "{kind} {id}");
    }
}

/// Keeping or taking a value uses no id, and the other way round.
pub async fn values_and_ids_are_apart(store: &dyn OneTimeStore) {
    let hash = fresh::hash();
    put(store, KIND, &hash, b"value").await;
    assert!(first(store, KIND, &hash.to_string(), NOW).await);
    assert!(take(store, KIND, &hash, NOW).await.is_some());
    assert!(!first(store, KIND, &hash.to_string(), NOW).await);
}

pub(super) async fn put(store: &dyn OneTimeStore, kind: &str, hash: &TokenHash, value: &[u8]) {
    let until = NOW.plus(MINUTE);
    store.put(kind, hash, value, until, NOW).await.expect(WORKS);
}

pub(super) async fn take(
    store: &dyn OneTimeStore,
    kind: &str,
    hash: &TokenHash,
    now: Timestamp,
) -> Option<Vec<u8>> {
    store.take(kind, hash, now).await.expect(WORKS)
}

pub(super) async fn first(store: &dyn OneTimeStore, kind: &str, id: &str, now: Timestamp) -> bool {
    let until = now.plus(MINUTE);
    store.first_use(kind, id, until, now).await.expect(WORKS)
}
