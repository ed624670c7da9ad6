//! A ledger, two gateways with a shipper each, and two that rebuild: as simple as they can be.

use std::collections::BTreeMap;
use std::time::Duration;

use llmgw_store_redis::RedisAdmission;
use llmgw_types::{KeyId, Limit, Money, RequestId, Timestamp, Unit, Window};
use llmgw_usage::admission::{
    AdmissionStore, Calendar, Charge, Counter, Finish, Generation, Reservation, ReserveRequest, Reserved,
    Rule, Settled, SharedCounters, Standing, Subject,
};

use super::Step;
use crate::server;

const LEASE: Duration = Duration::from_secs(60);
const REBUILD_LASTS: Duration = Duration::from_secs(20);
const WINDOWS: [Window; 4] = [Window::Minute, Window::Hour, Window::Day, Window::Month];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// In the journal; whether its guard is still to settle it.
    Ended {
        guard: bool,
    },
    /// Confirmed by ledger and admission.
    Shipped {
        guard: bool,
    },
}

#[derive(Debug)]
struct Request {
    id: RequestId,
    gateway: usize,
    at: Timestamp,
    phase: Phase,
    in_redis: bool,
    actual: Charge,
}

#[derive(Debug, Default)]
struct Gateway {
    cut: bool,
    // It counted by itself what others did not see.
    owes_doubt: bool,
    shipping: Shipping,
}

#[derive(Debug, Default)]
enum Shipping {
    #[default]
    Idle,
    // What was ready before anything is appended.
    Looked(Option<Generation>),
    // What was appended, and what was ready before, where all of it was new.
    Appended(Vec<usize>, Option<Generation>),
}

#[derive(Debug, Default)]
enum Rebuild {
    #[default]
    Idle,
    // Which generation, when it began, what was read so far.
    Reading(Generation, Timestamp, Vec<Counter>),
    Put(Generation),
}

pub(super) struct World {
    redis: RedisAdmission,
    prefix: String,
    now: Timestamp,
    requests: Vec<Request>,
    ledger: BTreeMap<RequestId, (Timestamp, usize, Charge)>,
    gateways: [Gateway; 2],
    rebuilds: [Rebuild; 2],
}

fn subjects(gateway: usize) -> [Subject; 2] {
    let key = KeyId::from_bytes([u8::try_from(gateway).unwrap(); 16]);
    [Subject::Everyone, Subject::Key(key)]
}

fn charge(tokens: u64) -> Charge {
    // What took nothing is given back whole.
    Charge {
        requests: u64::from(tokens > 0),
        tokens,
        cost: Money::from_nanos(i64::try_from(tokens).unwrap() * 3),
    }
}

fn choose(found: &[usize], which: usize) -> Option<usize> {
    (!found.is_empty()).then(|| found[which % found.len()])
}

impl World {
    pub(super) fn new() -> Self {
        let options = server::options();
        Self {
            redis: RedisAdmission::new(server::open(&options), Calendar::default()),
            prefix: options.prefix,
            now: "2026-11-30T20:50:50Z".parse().unwrap(),
            requests: Vec::new(),
            ledger: BTreeMap::new(),
            gateways: Default::default(),
            rebuilds: Default::default(),
        }
    }

    pub(super) async fn play(&mut self, step: &Step) {
        // No two things happen at the same moment.
        self.now = self.now.plus(Duration::from_micros(1));
        match *step {
            Step::Wait(millis) => self.now = self.now.plus(Duration::from_millis(millis)),
            Step::Admit(who) => self.admit(who).await,
            Step::End(which, tokens) => self.end(which, tokens),
            Step::Settle(which) => self.settle(which, true).await,
            Step::LoseSettle(which) => self.settle(which, false).await,
            Step::Ship(who, many) => self.ship(who, many).await,
            Step::Crash(who) => self.gateways[who].shipping = Shipping::Idle,
            Step::DeliverAgain(which) => self.deliver_again(which).await,
            Step::Flush => server::forget_all(&self.prefix),
            Step::Rebuild(who) => self.rebuild(who).await,
            Step::GiveUp(who) => self.rebuilds[who] = Rebuild::Idle,
            Step::Renew(who) => self.renew(who).await,
            Step::Restore(who) => self.restore(who).await,
            Step::Cut(who) => self.gateways[who].cut = true,
            Step::Mend(who) => self.mend(who).await,
            Step::Rest => self.rest().await,
        }
    }

    async fn rest(&mut self) {
        for who in 0..2 {
            self.mend(who).await;
        }
        let running = self.found(|request| request.phase == Phase::Running);
        for _ in running {
            self.end(0, 2);
        }
        for who in 0..2 {
            // What was appended is delivered, then the rest of it.
            for _ in 0..6 {
                self.ship(who, usize::MAX).await;
            }
        }
        self.rebuild_while_in_doubt().await;
        self.assert_exact().await;
    }

    async fn rebuild_while_in_doubt(&mut self) {
        for round in 0.. {
            let standing = self.redis.standing(self.now).await.unwrap();
            if matches!(standing, Standing::Ready { doubted: false, .. }) {
                return;
            }
            assert!(round < 3, "{standing:?} though everything was shipped");
            self.rebuilds = Default::default();
            self.now = self.now.plus(REBUILD_LASTS);
            for _ in 0..5 {
                self.rebuild(0).await;
            }
        }
    }

    async fn assert_exact(&mut self) {
        for gateway in 0..2 {
            for subject in subjects(gateway) {
                let slots = Limit::new(Unit::InFlight, Window::None, 1).unwrap();
                let limits = WINDOWS.map(|window| Limit::new(Unit::Tokens, window, 1).unwrap());
                let rules = limits.into_iter().chain([slots]).map(|limit| Rule {
                    subject: subject.clone(),
                    limit,
                });
                let rules: Vec<_> = rules.collect();
                let states = self.redis.state(self.now, &rules).await.unwrap();
                let found: Vec<_> = states.iter().map(|state| (state.used, state.reserved)).collect();
                let used = WINDOWS.map(|window| (self.sum(self.now, &subject, window).tokens, 0));
                let wanted: Vec<_> = used.into_iter().chain([(0, 0)]).collect();
                assert_eq!(found, wanted, "{subject:?} at {}", self.now);
            }
        }
    }

    fn found(&self, wanted: impl Fn(&Request) -> bool) -> Vec<usize> {
        let numbers = 0..self.requests.len();
        numbers.filter(|number| wanted(&self.requests[*number])).collect()
    }

    fn sum(&self, now: Timestamp, subject: &Subject, window: Window) -> Charge {
        let span = Calendar::default().span(window, now).unwrap();
        let mut sum = Charge::default();
        for (at, gateway, charge) in self.ledger.values() {
            if span.contains(*at) && subjects(*gateway).contains(subject) {
                sum.add(charge);
            }
        }
        sum
    }

    fn settled(&self, number: usize) -> Settled {
        let request = &self.requests[number];
        Settled {
            id: request.id,
            reserved_at: request.at,
            subjects: subjects(request.gateway).to_vec(),
            actual: request.actual,
        }
    }

    async fn admit(&mut self, who: usize) {
        let mut bytes = [0; 10];
        bytes[8..].copy_from_slice(&u16::try_from(self.requests.len()).unwrap().to_be_bytes());
        let id = RequestId::new(self.now, bytes);
        let mut in_redis = false;
        if self.gateways[who].cut {
            self.gateways[who].owes_doubt = true;
        } else {
            let request = ReserveRequest {
                id,
                now: self.now,
                lease: LEASE,
                subjects: &subjects(who),
                rules: &[],
                estimate: charge(4),
            };
            match self.redis.reserve(&request).await.unwrap() {
                Reserved::Granted(_) => in_redis = true,
                Reserved::Unready => {}
                other => panic!("{other:?}"),
            }
        }
        self.requests.push(Request {
            id,
            gateway: who,
            at: self.now,
            phase: Phase::Running,
            in_redis,
            actual: Charge::default(),
        });
    }

    fn end(&mut self, which: usize, tokens: u64) {
        let running = self.found(|request| request.phase == Phase::Running);
        if let Some(number) = choose(&running, which) {
            let request = &mut self.requests[number];
            request.actual = charge(tokens);
            // Nobody settles in Redis what was never there.
            request.phase = Phase::Ended {
                guard: request.in_redis,
            };
        }
    }

    async fn settle(&mut self, which: usize, arrives: bool) {
        let waiting = self.found(|request| {
            matches!(
                request.phase,
                Phase::Ended { guard: true } | Phase::Shipped { guard: true }
            )
        });
        let Some(number) = choose(&waiting, which) else {
            return;
        };
        let request = &mut self.requests[number];
        match &mut request.phase {
            Phase::Ended { guard } | Phase::Shipped { guard } => *guard = false,
            Phase::Running => {}
        }
        if arrives && !self.gateways[self.requests[number].gateway].cut {
            let settled = self.settled(number);
            self.redis.settle(self.now, &[settled]).await.unwrap();
        }
    }

    async fn ship(&mut self, who: usize, many: usize) {
        match std::mem::take(&mut self.gateways[who].shipping) {
            Shipping::Idle => {
                let mut seen = None;
                if !self.gateways[who].cut
                    && let Standing::Ready { generation, .. } = self.redis.standing(self.now).await.unwrap()
                {
                    seen = Some(generation);
                }
                self.gateways[who].shipping = Shipping::Looked(seen);
            }
            Shipping::Looked(seen) => self.append(who, many, seen),
            Shipping::Appended(batch, seen) => self.deliver(who, &batch, seen).await,
        }
    }

    fn append(&mut self, who: usize, many: usize, seen: Option<Generation>) {
        let mut batch =
            self.found(|request| request.gateway == who && matches!(request.phase, Phase::Ended { .. }));
        batch.truncate(many);
        let mut all_new = true;
        for number in &batch {
            let request = &self.requests[*number];
            let record = (request.at, request.gateway, request.actual);
            all_new &= self.ledger.insert(request.id, record).is_none();
        }
        self.gateways[who].shipping = Shipping::Appended(batch, seen.filter(|_| all_new));
    }

    async fn deliver(&mut self, who: usize, batch: &[usize], seen: Option<Generation>) {
        if self.gateways[who].cut {
            return;
        }
        let settled: Vec<_> = batch.iter().map(|number| self.settled(*number)).collect();
        self.redis.settle_shipped(self.now, &settled, seen).await.unwrap();
        for number in batch {
            let phase = &mut self.requests[*number].phase;
            let guard = *phase == Phase::Ended { guard: true };
            *phase = Phase::Shipped { guard };
        }
    }

    async fn deliver_again(&mut self, which: usize) {
        let shipped = self.found(|request| matches!(request.phase, Phase::Shipped { .. }));
        if let Some(number) = choose(&shipped, which) {
            let settled = self.settled(number);
            self.redis
                .settle_shipped(self.now, &[settled], None)
                .await
                .unwrap();
        }
    }

    async fn rebuild(&mut self, who: usize) {
        match std::mem::take(&mut self.rebuilds[who]) {
            Rebuild::Idle => self.begin(who).await,
            // A ledger is not read in one moment: first what everyone used, then what keys used.
            Rebuild::Reading(generation, at, mut read) if read.len() < 3 * WINDOWS.len() => {
                let subjects = match read.len() {
                    0 => vec![Subject::Everyone],
                    _ => vec![subjects(0)[1].clone(), subjects(1)[1].clone()],
                };
                for subject in subjects {
                    read.extend(WINDOWS.map(|window| Counter {
                        subject: subject.clone(),
                        window,
                        used: self.sum(at, &subject, window),
                    }));
                }
                self.rebuilds[who] = Rebuild::Reading(generation, at, read);
            }
            Rebuild::Reading(generation, at, read) => {
                self.redis.put(at, generation, &read).await.unwrap();
                self.rebuilds[who] = Rebuild::Put(generation);
            }
            Rebuild::Put(generation) => {
                let finished = self.redis.finish(self.now, generation).await.unwrap();
                if finished == Finish::ReadAgain {
                    self.begin(who).await;
                }
            }
        }
    }

    async fn begin(&mut self, who: usize) {
        if let Some(generation) = self.redis.begin(self.now, REBUILD_LASTS).await.unwrap() {
            self.rebuilds[who] = Rebuild::Reading(generation, self.now, Vec::new());
        }
    }

    async fn renew(&mut self, who: usize) {
        let running = self.running(who);
        if !self.gateways[who].cut {
            let ids: Vec<_> = running.iter().map(|running| running.id).collect();
            self.redis.renew(self.now, &ids, LEASE).await.unwrap();
        }
    }

    async fn restore(&mut self, who: usize) {
        let running = self.running(who);
        if self.gateways[who].cut {
            return;
        }
        self.redis.restore(self.now, &running, LEASE).await.unwrap();
        for request in &mut self.requests {
            // What is put back has a guard to settle it.
            request.in_redis |= request.gateway == who && request.phase == Phase::Running;
        }
    }

    fn running(&self, who: usize) -> Vec<Reservation> {
        let running = self
            .requests
            .iter()
            .filter(|request| request.gateway == who && request.phase == Phase::Running);
        let running = running.map(|request| Reservation {
            id: request.id,
            reserved_at: request.at,
            subjects: subjects(who).to_vec(),
            estimate: charge(4),
        });
        running.collect()
    }

    async fn mend(&mut self, who: usize) {
        let gateway = &mut self.gateways[who];
        gateway.cut = false;
        if std::mem::take(&mut gateway.owes_doubt) {
            self.redis.doubt(self.now).await.unwrap();
        }
    }
}
