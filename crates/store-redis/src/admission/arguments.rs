//! What scripts are told, packed as their `struct.unpack` reads it: numbers as doubles, little end first.

use std::time::Duration;

use llmgw_types::{Timestamp, Unit};
use llmgw_usage::admission::{Charge, Reservation, ReserveRequest, Rule, Settled, Subject};

use super::windows::{Windows, place};

/// Bytes under construction.
#[derive(Debug, Default)]
pub(super) struct Packed(Vec<u8>);

impl Packed {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    pub(super) fn short(mut self, number: usize) -> Self {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        self.0.extend(number.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub(super) fn number(mut self, number: f64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    /// Exact up to 2^53; beyond that the nearest number there is.
    pub(super) fn whole(self, number: u64) -> Self {
        self.number(number as f64)
    }

    pub(super) fn at(self, at: Timestamp) -> Self {
        self.number(at.as_micros() as f64)
    }

    pub(super) fn lasting(self, lasts: Duration) -> Self {
        self.number(lasts.as_micros() as f64)
    }

    pub(super) fn charge(self, charge: &Charge) -> Self {
        self.whole(charge.requests)
            .whole(charge.tokens)
            .number(charge.cost.nanos() as f64)
    }

    pub(super) fn starts(self, windows: &Windows) -> Self {
        windows.0.iter().fold(self, |packed, span| packed.at(span.start))
    }

    pub(super) fn subjects(self, subjects: &[Subject]) -> Self {
        subjects.iter().fold(self, |packed, subject| {
            let name = name(subject);
            packed.short(name.len()).bytes(&name)
        })
    }
}

/// The argument every script begins with: the present moment and its windows.
pub(super) fn moment(now: Timestamp, windows: &Windows) -> Vec<u8> {
    let packed = Packed::default().at(now).starts(windows);
    let packed = windows.0.iter().fold(packed, |packed, span| packed.at(span.end));
    packed.into_bytes()
}

/// What is asked of the limits, then names of all subjects that are charged or that rules name.
pub(super) fn reserve(request: &ReserveRequest<'_>) -> Vec<Vec<u8>> {
    let mut subjects: Vec<&Subject> = request.subjects.iter().collect();
    let rules = rules(request.rules, &mut subjects, &request.estimate);
    let asked = Packed::default()
        .at(request.now)
        .lasting(request.lease)
        .charge(&request.estimate)
        .short(request.subjects.len());
    let head = [request.id.as_bytes().to_vec(), asked.into_bytes(), rules];
    head.into_iter().chain(subjects.into_iter().map(name)).collect()
}

/// Rules to look at, then names of their subjects.
pub(super) fn state(rules_to_read: &[Rule]) -> Vec<Vec<u8>> {
    let mut subjects = Vec::new();
    let rules = rules(rules_to_read, &mut subjects, &Charge::default());
    std::iter::once(rules)
        .chain(subjects.into_iter().map(name))
        .collect()
}

/// A settlement of something whose subjects the store knows.
pub(super) fn settled(settled: &Settled) -> Packed {
    Packed::default()
        .bytes(settled.id.as_bytes())
        .charge(&settled.actual)
        .at(settled.reserved_at)
}

/// A settlement of something that the store may have lost.
pub(super) fn shipped(shipped: &Settled, windows: &Windows) -> Packed {
    settled(shipped).starts(windows).subjects(&shipped.subjects)
}

/// A reservation that the store may have lost.
pub(super) fn running(running: &Reservation, windows: &Windows) -> Packed {
    Packed::default()
        .bytes(running.id.as_bytes())
        .at(running.reserved_at)
        .starts(windows)
        .at(windows.over())
        .charge(&running.estimate)
        .subjects(&running.subjects)
}

/// A subject's name in keys and values.
pub(super) fn name(subject: &Subject) -> Vec<u8> {
    let (kind, rest): (u8, &[u8]) = match subject {
        Subject::Everyone => (b'e', &[]),
        Subject::Model(model) => (b'm', model.as_str().as_bytes()),
        Subject::Group(group) => (b'g', group.as_str().as_bytes()),
        Subject::User(user) => (b'u', user.as_bytes()),
        Subject::Key(key) => (b'k', key.as_bytes()),
    };
    [&[kind], rest].concat()
}

// A rule is the number of its subject, where its count stands in a subject's numbers, its amount, and what is
// asked of it. A subject that is not among those yet is added.
fn rules<'a>(rules: &'a [Rule], subjects: &mut Vec<&'a Subject>, estimate: &Charge) -> Vec<u8> {
    let packed = rules.iter().fold(Packed::default(), |packed, rule| {
        let known = subjects.iter().position(|subject| **subject == rule.subject);
        let which = known.unwrap_or_else(|| {
            subjects.push(&rule.subject);
            subjects.len() - 1
        });
        packed
            .short(which)
            .byte(place_of(rule))
            .whole(rule.limit.amount())
            .whole(estimate.of(rule.limit.unit()))
    });
    packed.into_bytes()
}

// The layout of a subject stands in prelude.lua.
fn place_of(rule: &Rule) -> u8 {
    let first = match rule.limit.unit() {
        Unit::InFlight => return 2,
        Unit::Requests => 4,
        Unit::Tokens => 5,
        Unit::Cost => 6,
    };
    let window = place(rule.limit.window()).unwrap_or_default();
    u8::try_from(first + 7 * window).unwrap_or(u8::MAX)
}
