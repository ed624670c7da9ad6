//! All counters and reservations, and what each operation does to them.

use std::cmp::Reverse;
use std::time::Duration;

use foldhash::HashMap;
use llmgw_types::{RequestId, Timestamp};

use super::counters::{Counters, Starts, Windows};
use crate::admission::{
    Calendar, Charge, Counter, Refusal, ReserveRequest, Reserved, Rule, RuleState, Subject,
};

/// How long a release is remembered that came before its reserve. The port promises an hour at least.
const VOID_FOR: Duration = Duration::from_secs(3_600);

/// Threads read the clock before they take the lock, so a moment may be a little older than the one before.
/// What is older than this comes from a clock that was set back.
const OUT_OF_STEP: Duration = Duration::from_secs(60);

/// How often to look for what can be forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
pub(super) struct Books {
    calendar: Calendar,
    ready: bool,
    now: Timestamp,
    windows: Windows,
    subjects: HashMap<Subject, Counters>,
    live: HashMap<RequestId, Reservation>,
    // Their lease ran out: they hold nothing back any more, but what they used is still charged.
    lapsed: HashMap<RequestId, Reservation>,
    void: HashMap<RequestId, Timestamp>,
    // No lease ends before this.
    leases_end: Timestamp,
    next_sweep: Timestamp,
}

#[derive(Debug)]
struct Reservation {
    subjects: Box<[Subject]>,
    starts: Starts,
    // After this nothing it does is counted.
    over: Timestamp,
    estimate: Charge,
    lease_ends: Timestamp,
}

impl Books {
    pub(super) fn new(calendar: Calendar, ready: bool) -> Self {
        let now = Timestamp::default();
        Self {
            windows: Windows::of(&calendar, now),
            calendar,
            ready,
            now,
            subjects: HashMap::default(),
            live: HashMap::default(),
            lapsed: HashMap::default(),
            void: HashMap::default(),
            leases_end: Timestamp::from_micros(i64::MAX),
            next_sweep: now,
        }
    }

    /// Makes `now` the present: windows turn, leases end.
    pub(super) fn turn_to(&mut self, now: Timestamp) {
        if now > self.now || self.now.since(now) > OUT_OF_STEP {
            self.now = now;
        }
        if !self.windows.hold(self.now) {
            self.windows = Windows::of(&self.calendar, self.now);
        }
        if self.leases_end <= self.now {
            self.end_leases();
        }
        if self.next_sweep <= self.now {
            self.sweep();
        }
    }

    pub(super) fn reserve(&mut self, request: &ReserveRequest<'_>) -> Reserved {
        if !self.ready {
            return Reserved::Unready;
        }
        if self
            .void
            .remove(&request.id)
            .is_some_and(|until| until > self.now)
        {
            return Reserved::Void;
        }
        if !self.live.contains_key(&request.id) {
            if let Some(refusal) = self.refusal(request) {
                return Reserved::Refused(Box::new(refusal));
            }
            self.count(request);
        }
        Reserved::Granted(request.rules.iter().map(|rule| self.state(rule)).collect())
    }

    pub(super) fn settle(&mut self, id: RequestId, actual: &Charge) {
        let reservation = match self.live.remove(&id) {
            Some(reservation) => {
                self.give_back(&reservation);
                Some(reservation)
            }
            None => self.lapsed.remove(&id),
        };
        let Some(reservation) = reservation else { return };
        for subject in &reservation.subjects {
            // One that was forgotten while this request had lapsed begins anew.
            match self.subjects.get_mut(subject) {
                Some(counters) => counters.charge(&reservation.starts, &self.windows, actual),
                None => {
                    let counters = self.subjects.entry(subject.clone()).or_default();
                    counters.charge(&reservation.starts, &self.windows, actual);
                }
            }
        }
    }

    pub(super) fn release(&mut self, id: RequestId) {
        if let Some(reservation) = self.live.remove(&id) {
            self.give_back(&reservation);
        } else if self
            .lapsed
            .remove(&id)
            .is_none_or(|reservation| reservation.over <= self.now)
        {
            self.void.insert(id, self.now.plus(VOID_FOR));
        }
    }

    /// Returns those that are not live.
    pub(super) fn renew(&mut self, ids: &[RequestId], lease: Duration) -> Vec<RequestId> {
        let lease_ends = self.now.plus(lease);
        // A shorter lease than before may end first.
        self.leases_end = self.leases_end.min(lease_ends);
        let mut is_away = |id: &&RequestId| match self.live.get_mut(*id) {
            Some(reservation) => {
                reservation.lease_ends = lease_ends;
                false
            }
            None => true,
        };
        ids.iter().filter(|id| is_away(id)).copied().collect()
    }

    /// Only what lapsed is ever away: this memory loses nothing by itself.
    pub(super) fn restore(&mut self, id: RequestId, lease: Duration) {
        self.renew(&[id], lease);
        let now = self.now;
        let lapsed = self.lapsed.remove(&id);
        let Some(mut reservation) = lapsed.filter(|reservation| reservation.over > now) else {
            return;
        };
        for subject in &reservation.subjects {
            let counters = self.subjects.entry(subject.clone()).or_default();
            counters.put_back(&reservation.starts, &self.windows, &reservation.estimate);
        }
        reservation.lease_ends = now.plus(lease);
        self.live.insert(id, reservation);
    }

    pub(super) fn state(&self, rule: &Rule) -> RuleState {
        let (unit, window) = (rule.limit.unit(), rule.limit.window());
        let counters = self.subjects.get(&rule.subject);
        let (used, reserved) = counters.map_or((0, 0), |counters| counters.of(unit, window, &self.windows));
        RuleState {
            rule: rule.clone(),
            used,
            reserved,
            resets_at: self.windows.end(window),
        }
    }

    pub(super) fn seed(&mut self, counters: &[Counter]) {
        self.subjects.values_mut().for_each(Counters::forget_used);
        for Counter {
            subject,
            window,
            used,
        } in counters
        {
            self.subjects
                .entry(subject.clone())
                .or_default()
                .set(*window, &self.windows, *used);
        }
        self.ready = true;
    }

    /// How much is held in memory.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.subjects.len() + self.live.len() + self.lapsed.len() + self.void.len()
    }

    fn count(&mut self, request: &ReserveRequest<'_>) {
        let starts = self.windows.starts();
        for subject in request.subjects {
            // Most subjects are there: only a new one is cloned for the map.
            match self.subjects.get_mut(subject) {
                Some(counters) => counters.reserve(&starts, &request.estimate),
                None => {
                    self.subjects
                        .entry(subject.clone())
                        .or_default()
                        .reserve(&starts, &request.estimate);
                }
            }
        }
        let lease_ends = self.now.plus(request.lease);
        self.leases_end = self.leases_end.min(lease_ends);
        // A lapsed one that asks again begins anew.
        self.lapsed.remove(&request.id);
        let reservation = Reservation {
            subjects: request.subjects.into(),
            starts,
            over: self
                .windows
                .0
                .iter()
                .map(|span| span.end)
                .max()
                .unwrap_or(self.now),
            estimate: request.estimate,
            lease_ends,
        };
        self.live.insert(request.id, reservation);
    }

    // Of the rules without room, the one that takes longest to free: one that never does, then the one whose
    // window ends last, then running requests.
    fn refusal(&self, request: &ReserveRequest<'_>) -> Option<Refusal> {
        let full = request.rules.iter().filter_map(|rule| {
            let state = self.state(rule);
            let asked = request.estimate.of(rule.limit.unit());
            let wanted = state.used.saturating_add(state.reserved).saturating_add(asked);
            (wanted > rule.limit.amount()).then_some(Refusal { state, asked })
        });
        full.min_by_key(|refusal| (refusal.can_ever_fit(), Reverse(refusal.state.resets_at)))
    }

    fn give_back(&mut self, reservation: &Reservation) {
        for subject in &reservation.subjects {
            if let Some(counters) = self.subjects.get_mut(subject) {
                counters.give_back(&reservation.starts, &reservation.estimate);
            }
        }
    }

    fn end_leases(&mut self) {
        let now = self.now;
        let ended: Vec<_> = self
            .live
            .extract_if(|_, reservation| reservation.lease_ends <= now)
            .collect();
        for (id, reservation) in ended {
            self.give_back(&reservation);
            self.lapsed.insert(id, reservation);
        }
        let ends = self.live.values().map(|reservation| reservation.lease_ends);
        self.leases_end = ends.min().unwrap_or(Timestamp::from_micros(i64::MAX));
    }

    fn sweep(&mut self) {
        let (now, windows) = (self.now, &self.windows);
        self.subjects.retain(|_, counters| !counters.is_over(windows));
        self.lapsed.retain(|_, reservation| reservation.over > now);
        self.void.retain(|_, until| *until > now);
        self.next_sweep = now.plus(SWEEP_EVERY);
    }
}
