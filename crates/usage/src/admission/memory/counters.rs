//! The counters of one subject: what it used and reserved in each present window.

use llmgw_types::{Money, Timestamp, Unit, Window};

use crate::admission::{Calendar, Charge, WindowSpan};

/// The kinds of window that are counted, in the order of the arrays below.
pub(super) const WINDOWS: [Window; 4] = [Window::Minute, Window::Hour, Window::Day, Window::Month];

/// The windows of one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows(pub(super) [WindowSpan; WINDOWS.len()]);

/// The first moments of the windows a request is counted in.
pub(super) type Starts = [Timestamp; WINDOWS.len()];

/// One subject's counters.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    pub(super) in_flight: u64,
    windows: [Tally; WINDOWS.len()],
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    start: Timestamp,
    used: Charge,
    reserved: Charge,
}

impl Windows {
    pub(super) fn of(calendar: &Calendar, at: Timestamp) -> Self {
        let never = WindowSpan { start: at, end: at };
        Self(WINDOWS.map(|window| calendar.span(window, at).unwrap_or(never)))
    }

    /// Whether all of them are still the present ones at `at`: the minute ends first, but a day may begin
    /// within one.
    pub(super) fn hold(&self, at: Timestamp) -> bool {
        self.0.iter().all(|span| span.contains(at))
    }

    pub(super) fn starts(&self) -> Starts {
        self.0.map(|span| span.start)
    }

    /// When the present window of this kind ends.
    pub(super) fn end(&self, window: Window) -> Option<Timestamp> {
        place(window).map(|place| self.0[place].end)
    }
}

impl Counters {
    /// Used and reserved of `unit` in the present window of this kind.
    pub(super) fn of(&self, unit: Unit, window: Window, present: &Windows) -> (u64, u64) {
        let Some(place) = place(window) else {
            return (0, self.in_flight);
        };
        let tally = &self.windows[place];
        if tally.start != present.0[place].start {
            return (0, 0);
        }
        (tally.used.of(unit), tally.reserved.of(unit))
    }

    /// Counts a reservation in the windows that are present.
    pub(super) fn reserve(&mut self, starts: &Starts, estimate: &Charge) {
        self.in_flight += 1;
        for (tally, start) in self.windows.iter_mut().zip(starts) {
            tally.turn_to(*start);
            tally.reserved.add(estimate);
        }
    }

    /// Counts a reservation again, in those of its windows that are present.
    pub(super) fn put_back(&mut self, starts: &Starts, present: &Windows, estimate: &Charge) {
        self.in_flight += 1;
        for ((tally, start), span) in self.windows.iter_mut().zip(starts).zip(&present.0) {
            if *start == span.start {
                tally.turn_to(*start);
                tally.reserved.add(estimate);
            }
        }
    }

    /// Takes a reservation back out of those windows that are still counted.
    pub(super) fn give_back(&mut self, starts: &Starts, estimate: &Charge) {
        self.in_flight = self.in_flight.saturating_sub(1);
        for tally in self.still(starts) {
            tally.reserved.requests = tally.reserved.requests.saturating_sub(estimate.requests);
            tally.reserved.tokens = tally.reserved.tokens.saturating_sub(estimate.tokens);
            let left = tally.reserved.cost.nanos().saturating_sub(estimate.cost.nanos());
            tally.reserved.cost = Money::from_nanos(left.max(0));
        }
    }

    /// Counts what was really used, in those windows of the reservation that are present.
    pub(super) fn charge(&mut self, starts: &Starts, present: &Windows, actual: &Charge) {
        for ((tally, start), span) in self.windows.iter_mut().zip(starts).zip(&present.0) {
            if *start == span.start {
                tally.turn_to(*start);
                tally.used.add(actual);
            }
        }
    }

    /// Sets what was used in the present window of this kind.
    pub(super) fn set(&mut self, window: Window, present: &Windows, used: Charge) {
        if let Some(place) = place(window) {
            self.windows[place].turn_to(present.0[place].start);
            self.windows[place].used = used;
        }
    }

    /// Forgets what was used, and keeps what is reserved.
    pub(super) fn forget_used(&mut self) {
        for tally in &mut self.windows {
            tally.used = Charge::default();
        }
    }

    /// Whether nothing of it counts any more.
    pub(super) fn is_over(&self, present: &Windows) -> bool {
        self.in_flight == 0
            && self.windows.iter().zip(&present.0).all(|(tally, span)| {
                tally.start != span.start
                    || (tally.used == Charge::default() && tally.reserved == Charge::default())
            })
    }

    fn still<'a>(&'a mut self, starts: &'a Starts) -> impl Iterator<Item = &'a mut Tally> {
        self.windows
            .iter_mut()
            .zip(starts)
            .filter(|(tally, start)| tally.start == **start)
            .map(|(tally, _)| tally)
    }
}

impl Tally {
    fn turn_to(&mut self, start: Timestamp) {
        if self.start != start {
            *self = Self {
                start,
                ..Self::default()
            };
        }
    }
}

fn place(window: Window) -> Option<usize> {
    match window {
        Window::Minute => Some(0),
        Window::Hour => Some(1),
        Window::Day => Some(2),
        Window::Month => Some(3),
        Window::None => None,
    }
}
