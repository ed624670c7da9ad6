use futures_executor::block_on;
use llmgw_types::{KeyId, Limit, Money, Unit, UserId, Window};
use proptest::prelude::*;

use super::*;
use crate::admission::{Charge, Subject};

mod naive;

use naive::Naive;

#[cfg(feature = "contract")]
mod contract {
    use crate::admission::MemoryAdmission;
    use crate::admission::contract::calendar;

    crate::admission_contract!(futures_executor::block_on, (MemoryAdmission::new(calendar()), ()));
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000).plus(Duration::from_secs(seconds))
}

fn id(number: u8) -> RequestId {
    RequestId::new(at(0), [number; 10])
}

fn subjects() -> [Subject; 3] {
    [
        Subject::Everyone,
        Subject::User(UserId::from_bytes([1; 16])),
        Subject::Key(KeyId::from_bytes([2; 16])),
    ]
}

/// A rule on each subject, in every unit and window.
fn rules() -> Vec<Rule> {
    let limit = |unit, window, amount| Limit::new(unit, window, amount).unwrap();
    let mut rules = Vec::new();
    for subject in subjects() {
        let mut add = |limit| {
            rules.push(Rule {
                subject: subject.clone(),
                limit,
            });
        };
        for window in [Window::Minute, Window::Hour, Window::Day, Window::Month] {
            add(limit(Unit::Requests, window, 12));
            add(limit(Unit::Tokens, window, 150));
            add(limit(Unit::Cost, window, 900));
        }
        add(limit(Unit::InFlight, Window::None, 6));
    }
    rules
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Reserve {
        id: u8,
        subjects: u8,
        rules: Vec<usize>,
        tokens: u64,
        lease: u64,
    },
    Settle {
        id: u8,
        tokens: u64,
    },
    Release {
        id: u8,
    },
    Renew {
        id: u8,
        lease: u64,
    },
    Restore {
        id: u8,
        lease: u64,
    },
    Wait {
        seconds: u64,
    },
    Seed {
        tokens: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..12_u8;
    prop_oneof![
        8 => (id.clone(), 1..4_u8, prop::collection::vec(0..39_usize, 0..4), 0..60_u64, 1..90_u64).prop_map(
            |(id, subjects, rules, tokens, lease)| Step::Reserve { id, subjects, rules, tokens, lease }
        ),
        6 => (id.clone(), 0..60_u64).prop_map(|(id, tokens)| Step::Settle { id, tokens }),
        2 => id.clone().prop_map(|id| Step::Release { id }),
        2 => (id.clone(), 1..90_u64).prop_map(|(id, lease)| Step::Renew { id, lease }),
        2 => (id, 1..90_u64).prop_map(|(id, lease)| Step::Restore { id, lease }),
        4 => prop_oneof![0..50_u64, 0..4_000_u64, Just(90_000), Just(3_000_000)]
            .prop_map(|seconds| Step::Wait { seconds }),
        1 => (0..100_u64).prop_map(|tokens| Step::Seed { tokens }),
    ]
}

pub(super) fn charge(tokens: u64) -> Charge {
    Charge {
        requests: 1,
        tokens,
        cost: Money::from_nanos(i64::try_from(tokens).unwrap() * 5),
    }
}

proptest! {
    /// The quick bookkeeping says the same as one that adds everything up anew each time.
    #[test]
    fn agrees_with_a_list_of_all_that_happened(steps in prop::collection::vec(step(), 1..80)) {
        let store = MemoryAdmission::new(Calendar::default());
        let mut naive = Naive::default();
        let all = rules();
        let mut now = at(0);
        for step in &steps {
            if let Step::Wait { seconds } = step {
                now = now.plus(Duration::from_secs(*seconds));
            }
            let answer = block_on(play(&store, now, step, &all));
            let wanted = naive.play(now, step, &all);
            prop_assert_eq!(&answer, &wanted, "{:?} at {}", step, now);
            let states = block_on(store.state(now, &all)).unwrap();
            for state in states {
                let wanted = naive.counted(now, &state.rule);
                prop_assert_eq!((state.used, state.reserved), wanted, "{:?} after {:?}", state.rule, step);
            }
        }
    }
}

/// What a reserve was answered: granted, or refused by which rule.
pub(super) type Answer = Option<Result<(), Rule>>;

async fn play(store: &MemoryAdmission, now: Timestamp, step: &Step, all: &[Rule]) -> Answer {
    match step {
        Step::Reserve {
            id: number,
            subjects: many,
            rules,
            tokens,
            lease,
        } => {
            let subjects = &subjects()[..usize::from(*many)];
            let rules: Vec<_> = naive::applying(rules, all, subjects);
            let request = ReserveRequest {
                id: id(*number),
                now,
                lease: Duration::from_secs(*lease),
                subjects,
                rules: &rules,
                estimate: charge(*tokens),
            };
            match store.reserve(&request).await.unwrap() {
                Reserved::Granted(states) => {
                    assert_eq!(states.len(), rules.len());
                    return Some(Ok(()));
                }
                Reserved::Refused(refusal) => return Some(Err(refusal.state.rule)),
                Reserved::Void | Reserved::Unready => return None,
            }
        }
        Step::Settle { id: number, tokens } => {
            let settled = Settled {
                id: id(*number),
                reserved_at: now,
                subjects: subjects().to_vec(),
                actual: charge(*tokens),
            };
            // Both ways are the same.
            if tokens % 2 == 0 {
                assert!(store.settle_now(now, &settled));
            } else {
                store.settle(now, &[settled]).await.unwrap();
            }
        }
        Step::Release { id: number } => store.release(now, id(*number)).await.unwrap(),
        Step::Renew { id: number, lease } => {
            store
                .renew(now, &[id(*number)], Duration::from_secs(*lease))
                .await
                .unwrap();
        }
        Step::Restore { id: number, lease } => {
            // This memory knows what it held.
            let running = Reservation {
                id: id(*number),
                reserved_at: now,
                subjects: Vec::new(),
                estimate: Charge::default(),
            };
            store
                .restore(now, &[running], Duration::from_secs(*lease))
                .await
                .unwrap();
        }
        Step::Wait { .. } => {}
        Step::Seed { tokens } => store.seed(now, &naive::seed(*tokens)).await.unwrap(),
    }
    None
}

#[test]
fn nothing_is_admitted_before_the_counters_are_known() {
    let store = MemoryAdmission::unready(Calendar::default());
    let request = ReserveRequest {
        id: id(1),
        now: at(0),
        lease: Duration::from_secs(60),
        subjects: &subjects(),
        rules: &[],
        estimate: charge(1),
    };
    block_on(async {
        assert_eq!(store.reserve(&request).await.unwrap(), Reserved::Unready);
        store.seed(at(0), &[]).await.unwrap();
        assert_eq!(store.reserve(&request).await.unwrap(), Reserved::Granted(vec![]));
    });
}

#[test]
fn a_clock_that_is_a_little_behind_does_not_open_an_old_window_again() {
    let store = MemoryAdmission::new(Calendar::default());
    let subject = Subject::Everyone;
    let rule = Rule {
        subject,
        limit: Limit::new(Unit::Requests, Window::Minute, 2).unwrap(),
    };
    // A minute begins at 20 s here.
    for (number, seconds) in [(1, 20), (2, 19)] {
        let request = ReserveRequest {
            id: id(number),
            now: at(seconds),
            lease: Duration::from_secs(60),
            subjects: &subjects(),
            rules: std::slice::from_ref(&rule),
            estimate: charge(1),
        };
        let granted = block_on(store.reserve(&request)).unwrap();
        assert!(matches!(granted, Reserved::Granted(_)));
    }
    let states = block_on(store.state(at(21), &[rule])).unwrap();
    assert_eq!(states[0].reserved, 2);
}

#[test]
fn what_is_over_is_forgotten() {
    let store = MemoryAdmission::new(Calendar::default());
    for number in 0..200_u8 {
        let key = Subject::Key(KeyId::from_bytes([number; 16]));
        let request = ReserveRequest {
            id: id(number),
            now: at(0),
            lease: Duration::from_secs(60),
            subjects: &[key],
            rules: &[],
            estimate: charge(1),
        };
        block_on(store.reserve(&request)).unwrap();
        block_on(store.release(at(0), RequestId::new(at(1), [number; 10]))).unwrap();
    }
    let two_months = 62 * 86_400;
    block_on(store.state(at(two_months), &[])).unwrap();
    block_on(store.state(at(2 * two_months), &[])).unwrap();
    assert_eq!(store.at(at(2 * two_months)).kept(), 0);
}
