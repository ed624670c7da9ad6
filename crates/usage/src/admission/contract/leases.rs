//! A gateway that died renews nothing: what it reserved comes back by itself.

use std::time::Duration;

use llmgw_types::{Timestamp, Unit, Window};

use super::fresh::{Caller, LEASE, WORKS, admit, counted, now, refused, request_id, settle, tokens};
use crate::admission::{AdmissionStore, Rule};

fn later(seconds: u64) -> Timestamp {
    now().plus(Duration::from_secs(seconds))
}

fn slots_and_tokens(caller: &Caller) -> [Rule; 2] {
    [
        caller.key_rule(Unit::InFlight, Window::None, 1),
        caller.key_rule(Unit::Tokens, Window::Day, 10),
    ]
}

/// Until then it is held.
pub async fn a_slot_frees_itself_when_its_lease_ends(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = slots_and_tokens(&caller);
    admit(store, now(), &caller, &rules, tokens(10)).await;
    refused(store, later(LEASE.as_secs() - 1), &caller, &rules, tokens(1)).await;
    admit(store, later(LEASE.as_secs()), &caller, &rules, tokens(10)).await;
}

/// From the moment of its renewal.
pub async fn a_renewed_lease_lives_on(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = slots_and_tokens(&caller);
    let id = admit(store, now(), &caller, &rules, tokens(5)).await;
    assert_eq!(store.renew(later(40), &[id], LEASE).await.expect(WORKS), []);
    refused(store, later(40 + LEASE.as_secs() - 1), &caller, &rules, tokens(1)).await;
    admit(store, later(40 + LEASE.as_secs()), &caller, &rules, tokens(5)).await;
}

/// The gateway was only slow, and the tokens were used.
pub async fn a_settlement_after_the_lease_still_charges(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = slots_and_tokens(&caller);
    let id = admit(store, now(), &caller, &rules, tokens(8)).await;
    assert_eq!(counted(store, later(300), &rules[1]).await, (0, 0));
    settle(store, later(301), id, &caller, tokens(6)).await;
    settle(store, later(302), id, &caller, tokens(6)).await;
    assert_eq!(counted(store, later(303), &rules[1]).await, (6, 0));
    assert_eq!(counted(store, later(303), &rules[0]).await, (0, 0));
}

/// Its gateway was away too long, and still runs it.
pub async fn a_lapsed_reservation_is_put_back(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = slots_and_tokens(&caller);
    let id = admit(store, now(), &caller, &rules, tokens(6)).await;
    let over = later(LEASE.as_secs());
    assert_eq!(store.renew(over, &[id], LEASE).await.expect(WORKS), [id]);
    assert_eq!(counted(store, over, &rules[1]).await, (0, 0));
    let running = [caller.reservation(id, tokens(6))];
    for _ in 0..2 {
        store.restore(over, &running, LEASE).await.expect(WORKS);
        assert_eq!(counted(store, over, &rules[0]).await, (0, 1));
        assert_eq!(counted(store, over, &rules[1]).await, (0, 6));
    }
    assert_eq!(store.renew(later(90), &[id], LEASE).await.expect(WORKS), []);
    settle(store, later(91), id, &caller, tokens(5)).await;
    store.restore(later(92), &running, LEASE).await.expect(WORKS);
    assert_eq!(counted(store, later(92), &rules[0]).await, (0, 0));
    assert_eq!(counted(store, later(92), &rules[1]).await, (5, 0));
}

/// It holds nothing in a window that began after it was admitted.
pub async fn what_is_put_back_counts_in_the_windows_of_its_admission(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let minute = caller.key_rule(Unit::Tokens, Window::Minute, 10);
    let rules = slots_and_tokens(&caller);
    let id = admit(store, now(), &caller, &rules, tokens(6)).await;
    let running = [caller.reservation(id, tokens(6))];
    store.restore(later(120), &running, LEASE).await.expect(WORKS);
    assert_eq!(counted(store, later(120), &minute).await, (0, 0));
    assert_eq!(counted(store, later(120), &rules[1]).await, (0, 6));
    assert_eq!(counted(store, later(120), &rules[0]).await, (0, 1));
}

/// A request may have ended while its renewal was on the way.
pub async fn renewing_the_unknown_does_nothing(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = slots_and_tokens(&caller);
    let id = admit(store, now(), &caller, &rules, tokens(3)).await;
    settle(store, now(), id, &caller, tokens(3)).await;
    let unknown = request_id();
    let away = store.renew(now(), &[id, unknown], LEASE).await.expect(WORKS);
    assert_eq!(away, [id, unknown]);
    assert_eq!(counted(store, now(), &rules[0]).await, (0, 0));
    assert_eq!(counted(store, now(), &rules[1]).await, (3, 0));
}

/// Nothing is given back twice.
pub async fn a_release_after_the_lease_changes_nothing(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = slots_and_tokens(&caller);
    let late = admit(store, now(), &caller, &rules, tokens(10)).await;
    let running = admit(store, later(70), &caller, &rules, tokens(10)).await;
    store.release(later(71), late).await.expect(WORKS);
    assert_eq!(counted(store, later(72), &rules[0]).await, (0, 1));
    settle(store, later(73), running, &caller, tokens(10)).await;
    assert_eq!(counted(store, later(74), &rules[1]).await, (10, 0));
}
