//! What settlements and releases change.

use llmgw_types::{Money, Unit, Window};

use super::fresh::{Caller, WORKS, admit, ask, counted, now, request_id, settle, settled, tokens};
use crate::admission::{AdmissionStore, Charge, Reserved, Rule};

fn tokens_and_slots(caller: &Caller) -> [Rule; 2] {
    [
        caller.key_rule(Unit::Tokens, Window::Day, 1_000),
        caller.key_rule(Unit::InFlight, Window::None, 10),
    ]
}

async fn assert_counted(store: &dyn AdmissionStore, rules: &[Rule; 2], wanted: [(u64, u64); 2]) {
    let found = [
        counted(store, now(), &rules[0]).await,
        counted(store, now(), &rules[1]).await,
    ];
    assert_eq!(found, wanted);
}

/// What was not used is free again at once.
pub async fn a_settlement_replaces_the_estimate(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = tokens_and_slots(&caller);
    let id = admit(store, now(), &caller, &rules, tokens(600)).await;
    assert_counted(store, &rules, [(0, 600), (0, 1)]).await;
    settle(store, now(), id, &caller, tokens(150)).await;
    assert_counted(store, &rules, [(150, 0), (0, 0)]).await;
    admit(store, now(), &caller, &rules, tokens(850)).await;
}

/// Guard and journal both settle every request.
pub async fn an_id_is_settled_once(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = tokens_and_slots(&caller);
    let id = admit(store, now(), &caller, &rules, tokens(20)).await;
    let twin = settled(id, &caller, tokens(20));
    store
        .settle(now(), &[twin.clone(), twin.clone()])
        .await
        .expect(WORKS);
    store.settle(now(), &[twin]).await.expect(WORKS);
    assert_counted(store, &rules, [(20, 0), (0, 0)]).await;
}

/// The estimate is no cap on the bill.
pub async fn more_than_estimated_is_charged_whole(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = tokens_and_slots(&caller);
    let id = admit(store, now(), &caller, &rules, tokens(10)).await;
    settle(store, now(), id, &caller, tokens(5_000)).await;
    assert_counted(store, &rules, [(5_000, 0), (0, 0)]).await;
}

/// What failed before an answer came costs nothing.
pub async fn nothing_used_gives_everything_back(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = [
        caller.key_rule(Unit::Requests, Window::Month, 1),
        caller.key_rule(Unit::Cost, Window::Month, 100),
    ];
    let estimate = Charge {
        requests: 1,
        tokens: 9,
        cost: Money::from_nanos(100),
    };
    let id = admit(store, now(), &caller, &rules, estimate).await;
    settle(store, now(), id, &caller, Charge::default()).await;
    assert_counted(store, &rules, [(0, 0), (0, 0)]).await;
    admit(store, now(), &caller, &rules, estimate).await;
}

/// The journal also ships what an earlier process reserved.
pub async fn an_unknown_id_changes_nothing(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = tokens_and_slots(&caller);
    settle(store, now(), request_id(), &caller, tokens(20)).await;
    assert_counted(store, &rules, [(0, 0), (0, 0)]).await;
}

/// As if it had never been.
pub async fn a_release_gives_everything_back(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = tokens_and_slots(&caller);
    let id = admit(store, now(), &caller, &rules, tokens(1_000)).await;
    store.release(now(), id).await.expect(WORKS);
    store.release(now(), id).await.expect(WORKS);
    assert_counted(store, &rules, [(0, 0), (0, 0)]).await;
    admit(store, now(), &caller, &rules, tokens(1_000)).await;
}

/// A client left while its reserve was under way: whichever arrives first, nothing stays behind.
pub async fn a_release_before_its_reserve_voids_it(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = tokens_and_slots(&caller);
    let id = request_id();
    store.release(now(), id).await.expect(WORKS);
    let answer = ask(store, now(), id, &caller, &rules, tokens(5)).await;
    assert_eq!(answer, Reserved::Void);
    assert_counted(store, &rules, [(0, 0), (0, 0)]).await;
}

/// It has nothing left to replace.
pub async fn a_settlement_after_a_release_changes_nothing(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = tokens_and_slots(&caller);
    let id = admit(store, now(), &caller, &rules, tokens(5)).await;
    store.release(now(), id).await.expect(WORKS);
    settle(store, now(), id, &caller, tokens(5)).await;
    assert_counted(store, &rules, [(0, 0), (0, 0)]).await;
}

/// A batch is the sum of its parts.
pub async fn a_batch_settles_each_of_its_own(store: &dyn AdmissionStore) {
    let (one, other) = (Caller::new(), Caller::new());
    let first = admit(store, now(), &one, &[], tokens(5)).await;
    let second = admit(store, now(), &one, &[], tokens(5)).await;
    let third = admit(store, now(), &other, &[], tokens(5)).await;
    let batch = [
        settled(first, &one, tokens(1)),
        settled(third, &other, tokens(2)),
        settled(second, &one, tokens(4)),
    ];
    store.settle(now(), &batch).await.expect(WORKS);
    assert_counted(store, &tokens_and_slots(&one), [(5, 0), (0, 0)]).await;
    assert_counted(store, &tokens_and_slots(&other), [(2, 0), (0, 0)]).await;
}
