//! A limit: how much of a unit in a window. Whose limit it is stands with whoever carries it.

use std::fmt;
use std::str::FromStr;

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
    /// Every unit.
    pub const ALL: [Self; 4] = [Self::Requests, Self::Tokens, Self::Cost, Self::InFlight];

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
    /// Every window.
    pub const ALL: [Self; 5] = [Self::Minute, Self::Hour, Self::Day, Self::Month, Self::None];

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
    /// Not written like a limit.
    #[error(
        "`{0}` is no limit; write UNIT/WINDOW=N as in tokens/day=200000 or in_flight=8 (units: requests, tokens, cost, \
         in_flight; windows: minute, hour, day, month)"
    )]
    Unreadable(String),
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

impl FromStr for Limit {
    type Err = LimitError;

    /// `UNIT/WINDOW=AMOUNT` as in `tokens/day=200000`, or `in_flight=AMOUNT`.
    fn from_str(text: &str) -> Result<Self, LimitError> {
        let unreadable = || LimitError::Unreadable(text.to_owned());
        let (what, amount) = text.split_once('=').ok_or_else(unreadable)?;
        let (unit, window) = what.split_once('/').unwrap_or((what, "none"));
        let unit = Unit::ALL.into_iter().find(|known| known.as_str() == unit);
        let window = Window::ALL.into_iter().find(|known| known.as_str() == window);
        let (Some(unit), Some(window), Ok(amount)) = (unit, window, amount.parse()) else {
            return Err(unreadable());
        };
        Self::new(unit, window, amount)
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

    #[test]
    fn a_limit_is_read_from_its_short_form() {
        let read = |text: &str| text.parse::<Limit>();
        assert_eq!(read("tokens/day=200"), Limit::new(Unit::Tokens, Window::Day, 200));
        assert_eq!(read("in_flight=8"), Limit::new(Unit::InFlight, Window::None, 8));
        for wrong in [
            "tokens=5",
            "in_flight/day=5",
            "tokens/day",
            "tokens/week=5",
            "token/day=5",
            "tokens/day=-5",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
