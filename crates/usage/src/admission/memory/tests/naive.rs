//! The same promises kept in the simplest way: a list of all that happened, added up for every question.

use std::collections::HashMap;
use std::time::Duration;

use llmgw_types::{Timestamp, Unit, Window};

use super::{Answer, Step, charge, subjects};
use crate::admission::{Calendar, Charge, Counter, Rule, Subject};

#[derive(Debug, Clone)]
struct Request {
    at: Timestamp,
    subjects: Vec<Subject>,
    estimate: Charge,
    lease_ends: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Naive {
    open: HashMap<u8, Request>,
    void: HashMap<u8, Timestamp>,
    // When, whose, how much; a seed replaces those of its windows.
    used: Vec<(Timestamp, Vec<Subject>, Charge)>,
    seeds: Vec<(Timestamp, Vec<Counter>)>,
}

/// Of the chosen rules those whose subject the request has, as the port demands.
pub(super) fn applying(chosen: &[usize], all: &[Rule], subjects: &[Subject]) -> Vec<Rule> {
    chosen
        .iter()
        .map(|at| all[*at].clone())
        .filter(|rule| subjects.contains(&rule.subject))
        .collect()
}

pub(super) fn seed(tokens: u64) -> Vec<Counter> {
    let counter = |window| Counter {
        subject: Subject::Everyone,
        window,
        used: charge(tokens),
    };
    vec![counter(Window::Hour), counter(Window::Month)]
}

impl Naive {
    pub(super) fn play(&mut self, now: Timestamp, step: &Step, all: &[Rule]) -> Answer {
        match step {
            Step::Reserve {
                id,
                subjects: many,
                rules,
                tokens,
                lease,
            } => {
                let subjects = subjects()[..usize::from(*many)].to_vec();
                let rules = applying(rules, all, &subjects);
                return self.reserve(now, *id, subjects, &rules, charge(*tokens), *lease);
            }
            Step::Settle { id, tokens } => {
                if let Some(request) = self.open.remove(id) {
                    self.used.push((request.at, request.subjects, charge(*tokens)));
                }
            }
            Step::Release { id } => {
                if self.open.remove(id).is_none() {
                    self.void.insert(*id, now.plus(Duration::from_secs(3_600)));
                }
            }
            Step::Renew { id, lease } => {
                let live = self.open.get_mut(id).filter(|request| request.lease_ends > now);
                if let Some(request) = live {
                    request.lease_ends = now.plus(Duration::from_secs(*lease));
                }
            }
            Step::Restore { id, lease } => {
                if let Some(request) = self.open.get_mut(id) {
                    request.lease_ends = now.plus(Duration::from_secs(*lease));
                }
            }
            // What lapsed is charged as long as there is a window to charge it to.
            Step::Wait { .. } => self.open.retain(|_, request| {
                let month = Calendar::default().span(Window::Month, request.at).unwrap();
                request.lease_ends > now || month.contains(now)
            }),
            Step::Seed { tokens } => {
                self.used.clear();
                self.seeds = vec![(now, seed(*tokens))];
            }
        }
        None
    }

    fn reserve(
        &mut self,
        now: Timestamp,
        id: u8,
        subjects: Vec<Subject>,
        rules: &[Rule],
        estimate: Charge,
        lease: u64,
    ) -> Answer {
        if self.void.remove(&id).is_some_and(|until| until > now) {
            return None;
        }
        if self.open.get(&id).is_some_and(|request| request.lease_ends > now) {
            return Some(Ok(()));
        }
        let mut worst: Option<(bool, Option<Timestamp>, Rule)> = None;
        for rule in rules {
            let (used, reserved) = self.counted(now, rule);
            let asked = estimate.of(rule.limit.unit());
            if used + reserved + asked > rule.limit.amount() {
                let never = asked > rule.limit.amount();
                let ends = Calendar::default()
                    .span(rule.limit.window(), now)
                    .map(|span| span.end);
                let longer = worst
                    .as_ref()
                    .is_none_or(|(other, until, _)| (never, ends) > (*other, *until));
                if longer {
                    worst = Some((never, ends, rule.clone()));
                }
            }
        }
        if let Some((_, _, rule)) = worst {
            return Some(Err(rule));
        }
        let lease_ends = now.plus(Duration::from_secs(lease));
        self.open.insert(
            id,
            Request {
                at: now,
                subjects,
                estimate,
                lease_ends,
            },
        );
        Some(Ok(()))
    }

    /// Used and reserved, as of now.
    pub(super) fn counted(&self, now: Timestamp, rule: &Rule) -> (u64, u64) {
        let (unit, window) = (rule.limit.unit(), rule.limit.window());
        let live = self
            .open
            .values()
            .filter(|request| request.lease_ends > now && request.subjects.contains(&rule.subject));
        if unit == Unit::InFlight {
            return (0, live.count() as u64);
        }
        let span = Calendar::default().span(window, now).unwrap();
        let reserved = live
            .filter(|request| span.contains(request.at))
            .map(|request| request.estimate.of(unit))
            .sum();
        let used = self
            .used
            .iter()
            .filter(|(at, whose, _)| span.contains(*at) && whose.contains(&rule.subject));
        let seeded = self
            .seeds
            .iter()
            .filter(|(at, _)| span.contains(*at))
            .flat_map(|(_, counters)| counters);
        let seeded = seeded.filter(|counter| counter.subject == rule.subject && counter.window == window);
        let used: u64 = used.map(|(_, _, charge)| charge.of(unit)).sum();
        (
            used + seeded.map(|counter| counter.used.of(unit)).sum::<u64>(),
            reserved,
        )
    }
}
