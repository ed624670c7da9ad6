//! What a reserve counts, and when it refuses.

use std::pin::Pin;

use llmgw_types::{Money, Unit, Window};

use super::fresh::{Caller, WORKS, admit, ask, counted, now, refused, request_id, rule, settle, tokens};
use crate::admission::{AdmissionStore, Charge, Reserved, Subject};

/// The last that fits is admitted, the next is not.
pub async fn a_limit_admits_as_many_as_it_says(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = [caller.key_rule(Unit::Requests, Window::Day, 3)];
    for _ in 0..3 {
        admit(store, now(), &caller, &rules, tokens(5)).await;
    }
    let (state, asked) = refused(store, now(), &caller, &rules, tokens(5)).await;
    assert_eq!((state.used, state.reserved, asked), (0, 3, 1));
    assert_eq!(state.remaining(), 0);
}

/// Every unit counts its part of the estimate.
pub async fn a_reservation_holds_its_estimate(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = [
        caller.key_rule(Unit::Requests, Window::Minute, 9),
        caller.key_rule(Unit::Tokens, Window::Hour, 100),
        caller.key_rule(Unit::Cost, Window::Month, 1_000),
        caller.key_rule(Unit::InFlight, Window::None, 9),
    ];
    let estimate = Charge {
        requests: 1,
        tokens: 60,
        cost: Money::from_nanos(700),
    };
    let answer = ask(store, now(), request_id(), &caller, &rules, estimate).await;
    let Reserved::Granted(states) = answer else {
        panic!("{answer:?}")
    };
    let reserved: Vec<_> = states.iter().map(|state| (state.used, state.reserved)).collect();
    assert_eq!(reserved, [(0, 1), (0, 60), (0, 700), (0, 1)]);
    let (state, asked) = refused(store, now(), &caller, &rules, estimate).await;
    assert_eq!((state.rule.limit.unit(), asked), (Unit::Cost, 700));
}

/// A refusal by one limit leaves no trace on the others.
pub async fn all_limits_have_room_or_none_is_touched(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let wide = [
        caller.key_rule(Unit::Requests, Window::Day, 100),
        rule(Subject::User(caller.user), Unit::Tokens, Window::Day, 1_000),
        rule(
            Subject::Group(caller.groups[1].clone()),
            Unit::Tokens,
            Window::Month,
            1_000,
        ),
        rule(
            Subject::Model(caller.model.clone()),
            Unit::InFlight,
            Window::None,
            100,
        ),
    ];
    let narrow = rule(
        Subject::Group(caller.groups[0].clone()),
        Unit::Tokens,
        Window::Day,
        10,
    );
    let mut rules = wide.to_vec();
    rules.push(narrow.clone());
    let (state, _) = refused(store, now(), &caller, &rules, tokens(11)).await;
    assert_eq!(state.rule, narrow);
    for rule in &rules {
        assert_eq!(counted(store, now(), rule).await, (0, 0), "{rule:?}");
    }
}

/// A reserve that is sent again, because its answer was lost, changes nothing.
pub async fn a_live_id_is_granted_again_and_counted_once(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = [caller.key_rule(Unit::Requests, Window::Day, 1)];
    let id = admit(store, now(), &caller, &rules, tokens(5)).await;
    let again = ask(store, now(), id, &caller, &rules, tokens(5)).await;
    assert!(
        matches!(&again, Reserved::Granted(states) if states[0].reserved == 1),
        "{again:?}"
    );
    settle(store, now(), id, &caller, tokens(5)).await;
    assert_eq!(counted(store, now(), &rules[0]).await, (1, 0));
}

/// Come back when the minute is over would be bad advice where the day is used up.
pub async fn the_refusal_names_the_limit_that_takes_longest(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = [
        caller.key_rule(Unit::InFlight, Window::None, 1),
        caller.key_rule(Unit::Requests, Window::Minute, 1),
        caller.key_rule(Unit::Requests, Window::Day, 1),
        caller.key_rule(Unit::Requests, Window::Hour, 1),
    ];
    admit(store, now(), &caller, &rules, tokens(1)).await;
    let (state, _) = refused(store, now(), &caller, &rules, tokens(1)).await;
    assert_eq!(state.rule, rules[2]);
    let (state, _) = refused(store, now(), &caller, &rules[..2], tokens(1)).await;
    assert_eq!(state.rule, rules[1]);
    let (state, _) = refused(store, now(), &caller, &rules[..1], tokens(1)).await;
    assert_eq!((state.rule, state.resets_at), (rules[0].clone(), None));
}

/// Waiting does not help a request that is larger than its limit.
pub async fn what_can_never_fit_is_told_apart(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = [
        caller.key_rule(Unit::Tokens, Window::Minute, 10),
        caller.key_rule(Unit::Tokens, Window::Month, 15),
    ];
    admit(store, now(), &caller, &rules, tokens(8)).await;
    let subjects = caller.subjects();
    for (asked, can) in [(9, true), (11, false)] {
        let request = crate::admission::ReserveRequest {
            id: request_id(),
            now: now(),
            lease: super::fresh::LEASE,
            subjects: &subjects,
            rules: &rules,
            estimate: tokens(asked),
        };
        match store.reserve(&request).await.expect(WORKS) {
            Reserved::Refused(refusal) => {
                assert_eq!(refusal.can_ever_fit(), can, "{asked}");
                // Of the month's and the minute's, what never fits goes first, though it ends sooner.
                assert_eq!(refusal.state.rule, rules[usize::from(can)]);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Use is counted on every subject, limited or not.
pub async fn use_before_a_limit_was_made_is_known_to_it(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let done = admit(store, now(), &caller, &[], tokens(4)).await;
    settle(store, now(), done, &caller, tokens(4)).await;
    admit(store, now(), &caller, &[], tokens(5)).await;
    for subject in caller
        .subjects()
        .into_iter()
        .filter(|subject| *subject != Subject::Everyone)
    {
        let late = rule(subject, Unit::Tokens, Window::Day, 10);
        assert_eq!(counted(store, now(), &late).await, (4, 5), "{late:?}");
        refused(store, now(), &caller, &[late], tokens(2)).await;
    }
}

/// One caller's use is not another's.
pub async fn other_subjects_are_not_touched(store: &dyn AdmissionStore) {
    let (one, other) = (Caller::new(), Caller::new());
    let rules = |caller: &Caller| [caller.key_rule(Unit::Requests, Window::Day, 1)];
    admit(store, now(), &one, &rules(&one), tokens(1)).await;
    refused(store, now(), &one, &rules(&one), tokens(1)).await;
    admit(store, now(), &other, &rules(&other), tokens(1)).await;
    let everyone = rule(Subject::Everyone, Unit::Requests, Window::Day, 9);
    assert_eq!(counted(store, now(), &everyone).await, (0, 2));
}

/// So that a caller can tell which state belongs to which rule.
pub async fn states_are_in_the_order_of_the_rules(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = [
        caller.key_rule(Unit::Tokens, Window::Month, 3),
        rule(Subject::Everyone, Unit::Requests, Window::Minute, 5),
        caller.key_rule(Unit::Tokens, Window::Minute, 4),
    ];
    let states = store.state(now(), &rules).await.expect(WORKS);
    let of: Vec<_> = states.into_iter().map(|state| state.rule).collect();
    assert_eq!(of, rules);
}

/// The narrower of two limits on the same counter decides.
pub async fn two_rules_on_one_counter_both_hold(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = [
        caller.key_rule(Unit::Tokens, Window::Day, 100),
        caller.key_rule(Unit::Tokens, Window::Day, 10),
    ];
    admit(store, now(), &caller, &rules, tokens(10)).await;
    let (state, _) = refused(store, now(), &caller, &rules, tokens(1)).await;
    assert_eq!(state.rule, rules[1]);
    assert_eq!(counted(store, now(), &rules[0]).await, (0, 10));
}

/// A free model runs on a budget that is spent to the last unit, and not on one that is overspent.
pub async fn an_estimate_of_nothing_fits_a_limit_that_is_just_used_up(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    let rules = [caller.key_rule(Unit::Tokens, Window::Day, 10)];
    let id = admit(store, now(), &caller, &rules, tokens(10)).await;
    admit(store, now(), &caller, &rules, tokens(0)).await;
    settle(store, now(), id, &caller, tokens(11)).await;
    let (state, asked) = refused(store, now(), &caller, &rules, tokens(0)).await;
    assert_eq!((state.used, state.remaining(), asked), (11, 0, 0));
}

/// Numbers beyond any budget are refused, and do not wrap round to small ones.
pub async fn the_largest_numbers_do_not_wrap(store: &dyn AdmissionStore) {
    let caller = Caller::new();
    // 2^53: what a store that counts in floating point holds exactly.
    let most = 1 << 53;
    let rules = [caller.key_rule(Unit::Tokens, Window::Day, most)];
    admit(store, now(), &caller, &rules, tokens(most - 1)).await;
    refused(store, now(), &caller, &rules, tokens(2)).await;
    refused(store, now(), &caller, &rules, tokens(u64::MAX)).await;
    admit(store, now(), &caller, &rules, tokens(1)).await;
    assert_eq!(counted(store, now(), &rules[0]).await, (0, most));
}

/// What runs a future to its end.
pub type BlockOn<'a> = &'a (dyn Fn(Pin<Box<dyn Future<Output = usize> + Send + '_>>) -> usize + Sync);

/// Eight threads race for a limit; it is neither overrun nor left unused.
///
/// # Panics
/// When it is.
pub fn requests_at_the_same_time_share_a_limit_exactly(store: &dyn AdmissionStore, block_on: BlockOn<'_>) {
    let caller = &Caller::new();
    let rules = &[
        caller.key_rule(Unit::Requests, Window::Month, 100),
        caller.key_rule(Unit::Tokens, Window::Month, 5_000),
        rule(Subject::Everyone, Unit::InFlight, Window::None, 1_000),
    ];
    let race = || async move {
        let mut admitted = 0;
        for _ in 0..50 {
            let answer = ask(store, now(), request_id(), caller, rules, tokens(7)).await;
            admitted += usize::from(matches!(answer, Reserved::Granted(_)));
        }
        admitted
    };
    let admitted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(move || block_on(Box::pin(race()))))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a racing thread ends well"))
            .sum()
    });
    assert_eq!(admitted, 100);
    let checked = async {
        assert_eq!(counted(store, now(), &rules[0]).await, (0, 100));
        assert_eq!(counted(store, now(), &rules[1]).await, (0, 700));
        0
    };
    block_on(Box::pin(checked));
}
