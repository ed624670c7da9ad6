//! Where windows begin and end.

/// Windows in a time zone.
#[derive(Debug, Clone)]
pub struct Calendar {}

/// The zone is unknown.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a time zone")]
pub struct CalendarError(String);

/// One window.
#[derive(Debug, Clone, Copy)]
pub struct WindowSpan {}
