//! Whatever is asked in whatever order, Redis answers what memory answers.

use std::collections::HashMap;
use std::time::Duration;

use llmgw_store_redis::RedisAdmission;
use llmgw_types::{GroupName, KeyId, Limit, ModelId, Money, RequestId, Timestamp, Unit, UserId, Window};
use llmgw_usage::admission::contract::calendar;
use llmgw_usage::admission::{
    AdmissionStore, Charge, Counter, MemoryAdmission, Reservation, ReserveRequest, Reserved, Rule, Settled,
    Subject,
};
use proptest::prelude::*;

use crate::server;

const CASES: u32 = 200;
const STEPS: usize = 60;

/// When it begins: an hour and a minute before a month ends in Berlin.
fn start() -> Timestamp {
    "2026-11-30T21:58:50Z".parse().unwrap()
}

fn id(number: u8) -> RequestId {
    RequestId::new(start(), [number; 10])
}

fn subjects() -> [Subject; 5] {
    [
        Subject::Everyone,
        Subject::User(UserId::from_bytes([1; 16])),
        Subject::Key(KeyId::from_bytes([2; 16])),
        Subject::Group(GroupName::parse("größe, {a}").unwrap()),
        Subject::Model(ModelId::parse("org/m").unwrap()),
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

fn charge(tokens: u64) -> Charge {
    Charge {
        requests: 1,
        tokens,
        cost: Money::from_nanos(i64::try_from(tokens).unwrap() * 5),
    }
}

#[derive(Debug, Clone)]
enum Step {
    Reserve {
        id: u8,
        subjects: usize,
        rules: Vec<usize>,
        tokens: u64,
        lease: u64,
    },
    Settle(Vec<(u8, u64)>),
    Release(u8),
    Renew(Vec<u8>, u64),
    Restore(Vec<u8>, u64),
    Wait(u64),
    Seed(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..12_u8;
    let ids = prop::collection::vec(id.clone(), 1..4);
    let lease = 1..90_u64;
    let reserve = (
        id.clone(),
        1..6_usize,
        prop::collection::vec(0..65_usize, 0..4),
        0..60_u64,
        lease.clone(),
    );
    prop_oneof![
        8 => reserve.prop_map(|(id, subjects, rules, tokens, lease)| {
            Step::Reserve { id, subjects, rules, tokens, lease }
        }),
        6 => prop::collection::vec((id.clone(), 0..60_u64), 1..4).prop_map(Step::Settle),
        2 => id.prop_map(Step::Release),
        2 => (ids.clone(), lease.clone()).prop_map(|(ids, lease)| Step::Renew(ids, lease)),
        2 => (ids, lease).prop_map(|(ids, lease)| Step::Restore(ids, lease)),
        4 => prop_oneof![4 => 0..50_u64, 2 => 0..4_000_u64, 1 => Just(90_000), 1 => Just(3_000_000)]
            .prop_map(Step::Wait),
        1 => (0..100_u64).prop_map(Step::Seed),
    ]
}

/// Both stores, and what runs in them.
struct Both {
    redis: RedisAdmission,
    memory: MemoryAdmission,
    present: Timestamp,
    // What was reserved and neither settled nor released.
    open: HashMap<u8, Open>,
}

struct Open {
    at: Timestamp,
    subjects: usize,
    estimate: Charge,
    lease_ends: Timestamp,
}

impl Both {
    fn new() -> Self {
        Self {
            redis: server::admission(),
            memory: MemoryAdmission::new(calendar()),
            present: start(),
            open: HashMap::new(),
        }
    }

    async fn play(&mut self, step: &Step, behind: Duration, all: &[Rule]) {
        if let Step::Wait(seconds) = step {
            self.present = self.present.plus(Duration::from_secs(*seconds));
        }
        let now = self.present.minus(behind);
        match step {
            Step::Reserve { .. } => self.reserve(now, step, all).await,
            Step::Settle(settled) => self.settle(now, settled).await,
            Step::Release(number) => {
                self.memory.release(now, id(*number)).await.unwrap();
                self.redis.release(now, id(*number)).await.unwrap();
                self.open.remove(number);
            }
            Step::Renew(ids, lease) => {
                let lease = seconds(*lease);
                let names: Vec<_> = ids.iter().copied().map(id).collect();
                let away = self.memory.renew(now, &names, lease).await.unwrap();
                assert_eq!(self.redis.renew(now, &names, lease).await.unwrap(), away);
                self.lives(ids.iter().filter(|number| !away.contains(&id(**number))), lease);
            }
            Step::Restore(ids, lease) => self.restore(now, ids, seconds(*lease)).await,
            Step::Wait(_) => {}
            Step::Seed(tokens) => {
                // Where windows ended since `now`, memory puts into the present ones what Redis puts nowhere.
                let (now, counters) = (self.present, counters(*tokens));
                self.memory.seed(now, &counters).await.unwrap();
                self.redis.seed(now, &counters).await.unwrap();
            }
        }
        let wanted = self.memory.state(now, all).await.unwrap();
        let found = self.redis.state(now, all).await.unwrap();
        for (found, wanted) in found.iter().zip(&wanted) {
            assert_eq!(found, wanted, "after {step:?}");
        }
    }

    async fn reserve(&mut self, now: Timestamp, step: &Step, all: &[Rule]) {
        let Step::Reserve {
            id: number,
            subjects: many,
            rules,
            tokens,
            lease,
        } = step
        else {
            return;
        };
        let subjects = &subjects()[..*many];
        let rules = rules.iter().map(|at| all[*at].clone());
        let rules: Vec<_> = rules.filter(|rule| subjects.contains(&rule.subject)).collect();
        let request = ReserveRequest {
            id: id(*number),
            now,
            lease: seconds(*lease),
            subjects,
            rules: &rules,
            estimate: charge(*tokens),
        };
        let wanted = self.memory.reserve(&request).await.unwrap();
        assert_eq!(self.redis.reserve(&request).await.unwrap(), wanted, "{step:?}");
        // One that runs already keeps what it was reserved with.
        let runs = self
            .open
            .get(number)
            .is_some_and(|open| open.lease_ends > self.present);
        if matches!(wanted, Reserved::Granted(_)) && !runs {
            let open = Open {
                at: self.present,
                subjects: *many,
                estimate: request.estimate,
                lease_ends: self.present.plus(request.lease),
            };
            self.open.insert(*number, open);
        }
    }

    async fn settle(&mut self, now: Timestamp, settled: &[(u8, u64)]) {
        let one = |(number, tokens): &(u8, u64)| Settled {
            id: id(*number),
            reserved_at: now,
            subjects: subjects().to_vec(),
            actual: charge(*tokens),
        };
        let batch: Vec<_> = settled.iter().map(one).collect();
        self.memory.settle(now, &batch).await.unwrap();
        self.redis.settle(now, &batch).await.unwrap();
        for (number, _) in settled {
            self.open.remove(number);
        }
    }

    // Memory knows by itself what it held, and of nothing else; nor of what is over.
    async fn restore(&mut self, now: Timestamp, ids: &[u8], lease: Duration) {
        let month = calendar().span(Window::Month, self.present).unwrap();
        let held = |number: &u8| self.open.get(number).is_some_and(|open| month.contains(open.at));
        let ids: Vec<u8> = ids.iter().copied().filter(held).collect();
        let running = ids.iter().map(|number| Reservation {
            id: id(*number),
            reserved_at: self.open[number].at,
            subjects: subjects()[..self.open[number].subjects].to_vec(),
            estimate: self.open[number].estimate,
        });
        let running: Vec<_> = running.collect();
        self.memory.restore(now, &running, lease).await.unwrap();
        self.redis.restore(now, &running, lease).await.unwrap();
        self.lives(ids.iter(), lease);
    }

    fn lives<'a>(&mut self, ids: impl Iterator<Item = &'a u8>, lease: Duration) {
        for number in ids {
            if let Some(open) = self.open.get_mut(number) {
                open.lease_ends = self.present.plus(lease);
            }
        }
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn counters(tokens: u64) -> Vec<Counter> {
    let counter = |subject, window| Counter {
        subject,
        window,
        used: charge(tokens),
    };
    let [everyone, user, ..] = subjects();
    vec![
        counter(everyone.clone(), Window::Hour),
        counter(user, Window::Day),
        counter(everyone, Window::Month),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redis_says_what_memory_says(
        // Now and then a gateway's clock is a little behind.
        steps in prop::collection::vec((step(), prop_oneof![4 => Just(0), 1 => 0..5_000_u64]), STEPS)
    ) {
        let mut both = Both::new();
        let all = rules();
        server::block_on(async {
            for (step, behind) in &steps {
                both.play(step, Duration::from_millis(*behind), &all).await;
            }
        });
    }
}
