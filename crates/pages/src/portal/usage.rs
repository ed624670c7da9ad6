//! What a person used.

use askama::Template;

use crate::look::Frame;

/// What a person used in a period, with links to the other periods (`/usage?days=..`) and to the same as CSV
/// (`/usage.csv?days=..`).
#[derive(Clone, Template)]
#[template(path = "portal/usage.html")]
pub struct UsagePage {
    /// What stands around the page.
    pub frame: Frame,
    /// Which period it is.
    pub period: Period,
    /// All of it.
    pub total: Totals,
    /// The chart, as [`bars`](crate::look::chart::bars) made it. This field alone is not escaped.
    pub chart_svg: String,
    /// A row for each model.
    pub by_model: Vec<UsageRow>,
    /// A row for each key.
    pub by_key: Vec<UsageRow>,
    /// The currency of the costs; without, no costs are shown.
    pub currency: Option<String>,
    /// Whether counting is behind at present.
    pub late: bool,
}

/// A period that usage is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Today: `days=1`.
    Today,
    /// The last 7 days: `days=7`.
    Week,
    /// The last 30 days: `days=30`.
    Days30,
    /// This calendar month: `days=month`.
    Month,
}

impl Period {
    /// The value of `days` in the address.
    #[must_use]
    pub fn days(self) -> &'static str {
        match self {
            Self::Today => "1",
            Self::Week => "7",
            Self::Days30 => "30",
            Self::Month => "month",
        }
    }

    /// What `aria-current` says at the link to `other`.
    fn current(&self, other: &Self) -> &'static str {
        if self == other { "true" } else { "false" }
    }
}

/// Sums of usage.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// How many requests.
    pub requests: u64,
    /// Tokens sent to models, those from the cache among them.
    pub tokens_in: u64,
    /// Tokens sent to models that were in the cache.
    pub tokens_cached: u64,
    /// Tokens that models answered with.
    pub tokens_out: u64,
    /// The cost, as [`money`](crate::look::money) writes it.
    pub cost: String,
}

/// The sums of one model or one key.
#[derive(Clone, Debug)]
pub struct UsageRow {
    /// The id of the model or the name of the key.
    pub name: String,
    /// Its sums.
    pub total: Totals,
}
