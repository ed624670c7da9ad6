//! When counters begin anew, and how they are set from outside.

use llmgw_types::{Money, Timestamp, Unit, Window};

use super::fresh::{Caller, WORKS, admit, at, counted, now, refused, rule, settle, tokens};
use crate::admission::{AdmissionStore, Charge, Counter, Rule, Subject};

async fn use_up(store: &dyn AdmissionStore, when: Timestamp, caller: &Caller, rules: &[Rule]) {
    let id = admit(store, when, caller, rules, tokens(7)).await;
    settle(store, when, id, caller, tokens(7)).await;
    refused(store, when, caller, rules, tokens(7)).await;
}

/// The last moment of a window belongs to it, the next to the next.
pub async fn a_new_window_begins_empty(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = [caller.key_rule(Unit::Requests, Window::Minute, 1)];
    use_up(store, now(), &caller, &rules).await;
    let (state, _) = refused(
        store,
        at("2026-11-18T11:06:59.999999Z"),
        &caller,
        &rules,
        tokens(7),
    )
    .await;
    assert_eq!(state.resets_at, Some(at("2026-11-18T11:07:00Z")));
    use_up(store, at("2026-11-18T11:07:00Z"), &caller, &rules).await;
}

/// A new minute does not end the hour.
pub async fn each_window_ends_in_its_own_time(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let windows = [Window::Minute, Window::Hour, Window::Day, Window::Month];
    let rules = windows.map(|window| caller.key_rule(Unit::Tokens, window, 100));
    let id = admit(store, now(), &caller, &[], tokens(7)).await;
    settle(store, now(), id, &caller, tokens(7)).await;
    let when = [
        ("2026-11-18T11:06:59Z", [7, 7, 7, 7]),
        ("2026-11-18T11:07:00Z", [0, 7, 7, 7]),
        ("2026-11-18T12:00:00Z", [0, 0, 7, 7]),
        ("2026-11-18T23:00:00Z", [0, 0, 0, 7]),
        ("2026-11-30T23:00:00Z", [0, 0, 0, 0]),
    ];
    for (time, wanted) in when {
        let states = store.state(at(time), &rules).await.expect(WORKS);
        let used: Vec<_> = states.iter().map(|state| state.used).collect();
        assert_eq!(used, wanted, "{time}");
    }
}

/// Midnight in Berlin is not midnight in UTC.
pub async fn days_and_months_are_those_of_the_zone(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = [
        caller.key_rule(Unit::Tokens, Window::Day, 7),
        caller.key_rule(Unit::Tokens, Window::Month, 14),
    ];
    use_up(store, at("2026-11-30T22:59:59Z"), &caller, &rules).await;
    let (state, _) = refused(store, at("2026-11-30T22:59:59Z"), &caller, &rules[..1], tokens(7)).await;
    assert_eq!(state.resets_at, Some(at("2026-11-30T23:00:00Z")));
    use_up(store, at("2026-11-30T23:00:00Z"), &caller, &rules).await;
    // Used once in December so far.
    assert_eq!(
        counted(store, at("2026-12-01T12:00:00Z"), &rules[1]).await,
        (7, 0)
    );
}

/// Also when it ends in the next: a minute's budget is not spent by what began before it.
pub async fn a_request_is_charged_to_the_window_of_its_admission(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let minute = caller.key_rule(Unit::Tokens, Window::Minute, 100);
    let hour = caller.key_rule(Unit::Tokens, Window::Hour, 100);
    let id = admit(store, now(), &caller, &[], tokens(50)).await;
    let next = at("2026-11-18T11:07:05Z");
    assert_eq!(counted(store, next, &minute).await, (0, 0));
    assert_eq!(counted(store, next, &hour).await, (0, 50));
    settle(store, next, id, &caller, tokens(30)).await;
    assert_eq!(counted(store, next, &minute).await, (0, 0));
    assert_eq!(counted(store, next, &hour).await, (30, 0));
}

/// They count until they end.
pub async fn running_requests_have_no_window(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let slots = caller.key_rule(Unit::InFlight, Window::None, 2);
    let end_of_minute = at("2026-11-18T11:06:59Z");
    let id = admit(store, end_of_minute, &caller, &[], tokens(1)).await;
    let next = at("2026-11-18T11:07:00Z");
    assert_eq!(counted(store, next, &slots).await, (0, 1));
    settle(store, next, id, &caller, tokens(1)).await;
    assert_eq!(counted(store, next, &slots).await, (0, 0));
}

/// A store that lost its counters is filled from the ledger while requests run.
pub async fn a_seed_sets_what_was_used_and_keeps_what_runs(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let tokens_a_day = caller.key_rule(Unit::Tokens, Window::Day, 100);
    let cost_a_month = caller.key_rule(Unit::Cost, Window::Month, 1_000);
    let slots = caller.key_rule(Unit::InFlight, Window::None, 2);
    let id = admit(store, now(), &caller, &[], tokens(20)).await;
    let used = |tokens, cost| Charge {
        requests: 3,
        tokens,
        cost: Money::from_nanos(cost),
    };
    let counter = |window, used| Counter {
        subject: Subject::Key(caller.key),
        window,
        used,
    };
    let counters = [
        counter(Window::Day, used(40, 400)),
        counter(Window::Month, used(70, 700)),
    ];
    store.seed(now(), &counters).await.expect(WORKS);
    assert_eq!(counted(store, now(), &tokens_a_day).await, (40, 20));
    assert_eq!(counted(store, now(), &cost_a_month).await, (700, 0));
    assert_eq!(counted(store, now(), &slots).await, (0, 1));
    settle(store, now(), id, &caller, tokens(15)).await;
    assert_eq!(counted(store, now(), &tokens_a_day).await, (55, 0));
    assert_eq!(counted(store, now(), &slots).await, (0, 0));
}

/// What the ledger does not know of was not used.
pub async fn counters_absent_from_a_seed_become_zero(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let of_the_user = rule(Subject::User(caller.user), Unit::Tokens, Window::Day, 100);
    let id = admit(store, now(), &caller, &[], tokens(20)).await;
    settle(store, now(), id, &caller, tokens(20)).await;
    assert_eq!(counted(store, now(), &of_the_user).await, (20, 0));
    store.seed(now(), &[]).await.expect(WORKS);
    assert_eq!(counted(store, now(), &of_the_user).await, (0, 0));
}
