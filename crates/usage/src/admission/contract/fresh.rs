//! Requests that nobody else makes, and short ways to ask for them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use llmgw_types::{GroupName, KeyId, Limit, ModelId, Money, RequestId, Timestamp, Unit, UserId, Window};

use crate::admission::{
    AdmissionStore, Calendar, Charge, Reservation, ReserveRequest, Reserved, Rule, RuleState, Settled,
    Subject,
};

pub(super) const WORKS: &str = "the store works";
pub(super) const LEASE: Duration = Duration::from_secs(60);

static COUNT: AtomicU64 = AtomicU64::new(1);

/// The windows an adapter under test must have: days with 23 and 25 hours among them.
///
/// # Panics
/// Where the time zone data base does not know Berlin.
#[must_use]
pub fn calendar() -> Calendar {
    Calendar::named("Europe/Berlin").expect("the time zone data base knows Berlin")
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("the case writes a time")
}

/// When most cases happen: ten seconds into a minute.
pub(super) fn now() -> Timestamp {
    at("2026-11-18T11:06:10Z")
}

/// Somebody with a key, in two groups, who uses a model.
pub(super) struct Caller {
    pub(super) user: UserId,
    pub(super) key: KeyId,
    pub(super) groups: [GroupName; 2],
    pub(super) model: ModelId,
}

impl Caller {
    pub(super) fn new() -> Self {
        let name = count();
        let group = |which| GroupName::parse(&format!("g{name}{which}")).expect("a group's name");
        Self {
            user: UserId::new(now(), bytes()),
            key: KeyId::new(now(), bytes()),
            groups: [group('a'), group('b')],
            model: ModelId::parse(&format!("m{name}")).expect("a model's name"),
        }
    }

    pub(super) fn subjects(&self) -> Vec<Subject> {
        crate::subjects(self.user, self.key, &self.groups, &self.model)
    }

    /// What it held since [`now`].
    pub(super) fn reservation(&self, id: RequestId, estimate: Charge) -> Reservation {
        Reservation {
            id,
            reserved_at: now(),
            subjects: self.subjects(),
            estimate,
        }
    }

    pub(super) fn key_rule(&self, unit: Unit, window: Window, amount: u64) -> Rule {
        rule(Subject::Key(self.key), unit, window, amount)
    }
}

pub(super) fn rule(subject: Subject, unit: Unit, window: Window, amount: u64) -> Rule {
    Rule {
        subject,
        limit: Limit::new(unit, window, amount).expect("unit and window go together"),
    }
}

pub(super) fn request_id() -> RequestId {
    RequestId::new(now(), bytes())
}

pub(super) const fn tokens(tokens: u64) -> Charge {
    Charge {
        requests: 1,
        tokens,
        cost: Money::ZERO,
    }
}

/// Asks for a request that takes `estimate`.
pub(super) async fn ask(
    store: &dyn AdmissionStore,
    when: Timestamp,
    id: RequestId,
    caller: &Caller,
    rules: &[Rule],
    estimate: Charge,
) -> Reserved {
    let subjects = caller.subjects();
    let request = ReserveRequest {
        id,
        now: when,
        lease: LEASE,
        subjects: &subjects,
        rules,
        estimate,
    };
    store.reserve(&request).await.expect(WORKS)
}

/// Asks and is admitted.
pub(super) async fn admit(
    store: &dyn AdmissionStore,
    when: Timestamp,
    caller: &Caller,
    rules: &[Rule],
    estimate: Charge,
) -> RequestId {
    let id = request_id();
    let answer = ask(store, when, id, caller, rules, estimate).await;
    assert!(matches!(answer, Reserved::Granted(_)), "{answer:?}");
    id
}

/// Asks and is refused: by which state, and how much was asked of it.
pub(super) async fn refused(
    store: &dyn AdmissionStore,
    when: Timestamp,
    caller: &Caller,
    rules: &[Rule],
    estimate: Charge,
) -> (RuleState, u64) {
    match ask(store, when, request_id(), caller, rules, estimate).await {
        Reserved::Refused(refusal) => (refusal.state, refusal.asked),
        other => panic!("{other:?} instead of a refusal"),
    }
}

pub(super) fn settled(id: RequestId, caller: &Caller, actual: Charge) -> Settled {
    Settled {
        id,
        reserved_at: now(),
        subjects: caller.subjects(),
        actual,
    }
}

pub(super) async fn settle(
    store: &dyn AdmissionStore,
    when: Timestamp,
    id: RequestId,
    caller: &Caller,
    actual: Charge,
) {
    store
        .settle(when, &[settled(id, caller, actual)])
        .await
        .expect(WORKS);
}

/// What one rule counts: used and reserved.
pub(super) async fn counted(store: &dyn AdmissionStore, when: Timestamp, rule: &Rule) -> (u64, u64) {
    let states = store.state(when, std::slice::from_ref(rule)).await.expect(WORKS);
    let [state] = states.as_slice() else {
        panic!("{states:?}: one rule has one state")
    };
    assert_eq!(state.rule, *rule);
    (state.used, state.reserved)
}

fn count() -> u64 {
    COUNT.fetch_add(1, Ordering::Relaxed)
}

fn bytes() -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&count().to_be_bytes());
    bytes
}
