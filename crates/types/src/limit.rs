//! A limit: how much of a unit in a window. Whose limit it is stands with whoever carries it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Admitted requests.
    Requests,
    /// Prompt and completion tokens together.
    Tokens,
    /// Nano-units of the configured currency.
    Cost,
    /// Requests running at the same time.
    InFlight,
}

impl Unit {
    /// The word used in JSON, settings and errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::InFlight => "in_flight",
        }
    }
}

/// The calendar window after which a limit starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// A minute of the clock.
    Minute,
    /// An hour of the clock.
    Hour,
    /// A day in `limits.timezone`.
    Day,
    /// A calendar month in `limits.timezone`.
    Month,
    /// No window: for `in_flight` only.
    None,
}

impl Window {
    /// The word used in JSON, settings and errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::None => "none",
        }
    }
}

/// Why a limit makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Running requests have no window.
    #[error("a limit on in_flight has window `none`, not `{}`", .0.as_str())]
    InFlightWindow(Window),
    /// Everything but running requests needs a window.
    #[error("a limit on {} needs a window: minute, hour, day or month", .0.as_str())]
    NoWindow(Unit),
}

/// At most `amount` of `unit` in each `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawLimit")]
pub struct Limit {
    unit: Unit,
    window: Window,
    amount: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimit {
    unit: Unit,
    #[serde(default = "no_window")]
    window: Window,
    amount: u64,
}

const fn no_window() -> Window {
    Window::None
}

impl TryFrom<RawLimit> for Limit {
    type Error = LimitError;

    fn try_from(raw: RawLimit) -> Result<Self, LimitError> {
        Self::new(raw.unit, raw.window, raw.amount)
    }
}

impl Limit {
    /// A checked limit: `in_flight` goes with `none` and nothing else does.
    ///
    /// # Errors
    /// When unit and window do not go together.
    pub const fn new(unit: Unit, window: Window, amount: u64) -> Result<Self, LimitError> {
        match (unit, window) {
            (Unit::InFlight, Window::None) => Ok(Self { unit, window, amount }),
            (Unit::InFlight, other) => Err(LimitError::InFlightWindow(other)),
            (other, Window::None) => Err(LimitError::NoWindow(other)),
            _ => Ok(Self { unit, window, amount }),
        }
    }

    /// What is counted.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// When counting starts anew.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }

    /// How much is allowed in one window (cost: nano-units).
    #[must_use]
    pub const fn amount(&self) -> u64 {
        self.amount
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.window {
            Window::None => write!(f, "{} {}", self.amount, self.unit.as_str()),
            window => write!(
                f,
                "{} {} per {}",
                self.amount,
                self.unit.as_str(),
                window.as_str()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_and_window_must_go_together() {
        assert!(Limit::new(Unit::InFlight, Window::None, 1).is_ok());
        assert!(Limit::new(Unit::InFlight, Window::Day, 1).is_err());
        assert!(Limit::new(Unit::Tokens, Window::None, 1).is_err());
        let parsed: Result<Limit, _> = serde_json::from_str(r#"{"unit":"cost","amount":5}"#);
        assert!(parsed.unwrap_err().to_string().contains("needs a window"));
    }
}
