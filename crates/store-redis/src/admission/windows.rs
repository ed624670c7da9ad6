//! The windows of a moment, as scripts take them.

use std::sync::{Mutex, PoisonError};

use llmgw_types::{Timestamp, Window};
use llmgw_usage::admission::{Calendar, WindowSpan};

/// The kinds of window that are counted, in the order in which scripts count them.
const KINDS: [Window; 4] = [Window::Minute, Window::Hour, Window::Day, Window::Month];

/// The windows of one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows(pub(super) [WindowSpan; KINDS.len()]);

impl Windows {
    fn of(calendar: &Calendar, at: Timestamp) -> Self {
        let never = WindowSpan { start: at, end: at };
        Self(KINDS.map(|window| calendar.span(window, at).unwrap_or(never)))
    }

    fn hold(&self, at: Timestamp) -> bool {
        self.0.iter().all(|span| span.contains(at))
    }

    /// When the last of them ends.
    pub(super) fn over(&self) -> Timestamp {
        let ends = self.0.iter().map(|span| span.end);
        ends.max().unwrap_or_default()
    }
}

/// Where a window stands among those that are counted; `None` for [`Window::None`].
pub(super) fn place(window: Window) -> Option<usize> {
    KINDS.iter().position(|kind| *kind == window)
}

/// A calendar that remembers its last answer: nearly every question is about the present minute, and the
/// arithmetic of time zones takes longer than all else a call does here.
#[derive(Debug)]
pub(super) struct Days {
    calendar: Calendar,
    last: Mutex<Windows>,
}

impl Days {
    pub(super) fn new(calendar: Calendar) -> Self {
        Self {
            last: Mutex::new(Windows::of(&calendar, Timestamp::default())),
            calendar,
        }
    }

    pub(super) fn windows(&self, at: Timestamp) -> Windows {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if !last.hold(at) {
            *last = Windows::of(&self.calendar, at);
        }
        *last
    }
}
