//! The cases every adapter of [`AnswerPlaces`] must pass.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use llmgw_types::{ModelId, TargetId, Timestamp, UserId};

use super::WORKS;
use crate::{AnswerPlace, AnswerPlaces};

const NOW: Timestamp = Timestamp::from_millis(1_900_000_000_000);
const UNTIL: Timestamp = Timestamp::from_millis(1_900_000_060_000);

/// One test per case of this [module](crate::contract::answers).
#[macro_export]
macro_rules! answer_places_contract {
    ($block_on:path, $make:expr) => {
        $crate::answer_places_contract!(@cases $block_on, $make;
            a_place_is_found_as_it_was,
            an_unknown_answer_is_none,
            another_user_has_another_answer_or_none,
            ids_of_answers_differ_by_every_byte,
            the_place_put_last_is_found,
            a_place_is_forgotten_from_its_moment_on,
            a_removed_place_is_gone,
            a_removed_place_can_come_back,
        );
    };
    (@cases $block_on:path, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (store, _keep) = $make;
                $block_on($crate::contract::answers::$case(&store));
            }
        )*
    };
}

/// Any names survive.
pub async fn a_place_is_found_as_it_was(store: &dyn AnswerPlaces) {
    let user = user();
    for (answer, model, target) in [
        ("resp_1", "m", "t"),
        ("r:e/s p", "Org/Model:7@x", "second"),
        (&"long".repeat(64), &"m".repeat(256), "t-1"),
    ] {
        let place = place(model, target);
        put(store, user, answer, &place).await;
        assert_eq!(get(store, user, answer).await, Some(place), "{answer}");
    }
}

/// Absence is no error.
pub async fn an_unknown_answer_is_none(store: &dyn AnswerPlaces) {
    assert_eq!(get(store, user(), "resp_1").await, None);
    store.remove(user(), "resp_1").await.expect(WORKS);
}

/// Model servers make up ids: two may be the same.
pub async fn another_user_has_another_answer_or_none(store: &dyn AnswerPlaces) {
    let (alice, bob) = (user(), user());
    put(store, alice, "resp_1", &place("m", "a")).await;
    assert_eq!(get(store, bob, "resp_1").await, None);
    put(store, bob, "resp_1", &place("m", "b")).await;
    store.remove(bob, "resp_1").await.expect(WORKS);
    assert_eq!(get(store, alice, "resp_1").await, Some(place("m", "a")));
}

/// Case and blanks too.
pub async fn ids_of_answers_differ_by_every_byte(store: &dyn AnswerPlaces) {
    let user = user();
    put(store, user, "resp_a", &place("m", "t")).await;
    for other in ["resp_A", "resp_a ", "resp_", "", "resp_a:", "Resp_a"] {
        assert_eq!(get(store, user, other).await, None, "{other:?}");
    }
}

/// It replaces the one before, with its moment.
pub async fn the_place_put_last_is_found(store: &dyn AnswerPlaces) {
    let user = user();
    put(store, user, "resp_1", &place("m", "a")).await;
    let later = UNTIL.plus(Duration::from_secs(60));
    let second = place("n", "b");
    store.put(user, "resp_1", &second, later, NOW).await.expect(WORKS);
    assert_eq!(store.get(user, "resp_1", UNTIL).await.expect(WORKS), Some(second));
    assert_eq!(store.get(user, "resp_1", later).await.expect(WORKS), None);
}

/// It is there up to its moment, exactly.
pub async fn a_place_is_forgotten_from_its_moment_on(store: &dyn AnswerPlaces) {
    let user = user();
    put(store, user, "resp_1", &place("m", "t")).await;
    let before = UNTIL.minus(Duration::from_micros(1));
    assert!(store.get(user, "resp_1", before).await.expect(WORKS).is_some());
    assert_eq!(store.get(user, "resp_1", UNTIL).await.expect(WORKS), None);
}

/// And nothing else is.
pub async fn a_removed_place_is_gone(store: &dyn AnswerPlaces) {
    let user = user();
    put(store, user, "resp_1", &place("m", "t")).await;
    put(store, user, "resp_2", &place("m", "t")).await;
    store.remove(user, "resp_1").await.expect(WORKS);
    assert_eq!(get(store, user, "resp_1").await, None);
    assert!(get(store, user, "resp_2").await.is_some());
}

/// As a new one.
pub async fn a_removed_place_can_come_back(store: &dyn AnswerPlaces) {
    let user = user();
    put(store, user, "resp_1", &place("m", "a")).await;
    store.remove(user, "resp_1").await.expect(WORKS);
    put(store, user, "resp_1", &place("m", "b")).await;
    assert_eq!(get(store, user, "resp_1").await, Some(place("m", "b")));
}

// A user nobody else has, also on a server that other tests use at the same time. The standard library seeds its
// hash maps from the system's entropy.
fn user() -> UserId {
    let half = || RandomState::new().build_hasher().finish().to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    UserId::from_bytes(bytes)
}

fn place(model: &str, target: &str) -> AnswerPlace {
    AnswerPlace {
        model: ModelId::parse(model).expect("a model id"),
        target: TargetId::parse(target).expect("a target id"),
    }
}

async fn put(store: &dyn AnswerPlaces, user: UserId, answer: &str, place: &AnswerPlace) {
    store.put(user, answer, place, UNTIL, NOW).await.expect(WORKS);
}

async fn get(store: &dyn AnswerPlaces, user: UserId, answer: &str) -> Option<AnswerPlace> {
    store.get(user, answer, NOW).await.expect(WORKS)
}
