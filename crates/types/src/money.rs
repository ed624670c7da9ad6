//! Money: whole nano-units of the one configured currency, so that sums are exact.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

use crate::TokenUsage;

/// An amount of money in nano-units (10⁻⁹) of the configured currency. In JSON a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of `nanos` nano-units.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount in nano-units.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
    }
}

/// What a model costs: nano-units per million tokens of each kind, and per million of what is not counted in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Price {
    /// Prompt tokens that were not cached.
    pub prompt: Money,
    /// Prompt tokens the model server took from its cache.
    pub cached_prompt: Money,
    /// Completion tokens; reasoning tokens are part of these.
    pub completion: Money,
    /// What the endpoint counts besides: seconds of sound, pictures, documents. Last: the journal keeps a price by
    /// the order of its fields.
    pub unit: Money,
}

impl Price {
    /// The cost of `usage`, rounded half up to a whole nano-unit once, over the sum of all kinds.
    #[must_use]
    pub fn cost(&self, usage: &TokenUsage) -> Money {
        self.cost_with(usage, 0)
    }

    /// The cost of `usage` and of `units` of what is not counted in tokens, rounded in the same way.
    #[must_use]
    pub fn cost_with(&self, usage: &TokenUsage, units: u64) -> Money {
        let cached = usage.cached.min(usage.prompt);
        let part = |tokens: u64, price: Money| i128::from(tokens) * i128::from(price.0);
        let total = part(usage.prompt - cached, self.prompt)
            + part(cached, self.cached_prompt)
            + part(usage.completion, self.completion)
            + part(units, self.unit);
        let nanos = (total + 500_000).div_euclid(1_000_000);
        Money(i64::try_from(nanos).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cost_is_exact_for_whole_millions(prompt in 0u64..1000, completion in 0u64..1000, p in 0i64..1_000_000, c in 0i64..1_000_000) {
            let price = Price { prompt: Money(p), cached_prompt: Money(1), completion: Money(c), ..Price::default() };
            let usage = TokenUsage { prompt: prompt * 1_000_000, completion: completion * 1_000_000, ..TokenUsage::default() };
            let expected = i64::try_from(prompt).unwrap() * p + i64::try_from(completion).unwrap() * c;
            prop_assert_eq!(price.cost(&usage).nanos(), expected);
        }

        #[test]
        fn more_tokens_never_cost_less(a in 0u64..1 << 40, b in 0u64..1 << 40, p in 0i64..1 << 40) {
            let price = Price { prompt: Money(p), ..Price::default() };
            let of = |prompt| price.cost(&TokenUsage { prompt, ..TokenUsage::default() });
            prop_assert!(of(a.max(b)) >= of(a.min(b)));
        }
    }

    #[test]
    fn more_cached_than_prompt_is_charged_as_all_cached() {
        let price = Price {
            prompt: Money(9_000_000),
            cached_prompt: Money(1_000_000),
            completion: Money(0),
            unit: Money(7_000_000),
        };
        let usage = TokenUsage {
            prompt: 2,
            cached: 5,
            ..TokenUsage::default()
        };
        assert_eq!(price.cost(&usage), Money(2));
        assert_eq!(price.cost_with(&usage, 3), Money(23));
    }

    #[test]
    fn shown_with_nine_decimals() {
        assert_eq!(Money(-1_500_000_000).to_string(), "-1.500000000");
    }
}
