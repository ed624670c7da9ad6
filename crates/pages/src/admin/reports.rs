//! What was used.

use askama::Template;

use super::{Filled, Frame, When};

/// How the service is used now.
#[derive(Clone, Template)]
#[template(path = "admin/overview.html")]
pub struct OverviewPage {
    /// What stands around the page.
    pub frame: Frame,
    /// Sums of the last 24 hours.
    pub day: SumLine,
    /// Sums of the last 30 days.
    pub month: SumLine,
    /// Requests of the last 24 hours that were looked at, and how many of these failed.
    pub failed: (u64, u64),
    /// Tokens of each hour.
    pub hours_svg: String,
    /// Tokens of each day.
    pub days_svg: String,
    /// Where requests went.
    pub targets: Vec<TargetLine>,
    /// What costs are in.
    pub currency: String,
    /// Whether there is a model at all.
    pub has_models: bool,
}

/// Requests, tokens and cost.
#[derive(Clone, Debug, Default)]
pub struct SumLine {
    /// What they are of, a value for each column that was asked for.
    pub of: Vec<String>,
    /// Requests.
    pub requests: u64,
    /// Tokens of prompts.
    pub tokens_in: u64,
    /// Of these from a cache.
    pub tokens_cached: u64,
    /// Tokens of answers.
    pub tokens_out: u64,
    /// Cost, in the currency.
    pub cost: String,
}

/// A target, as far as the last requests tell.
#[derive(Clone, Debug)]
pub struct TargetLine {
    /// Which model and target.
    pub name: String,
    /// Requests.
    pub requests: u64,
    /// Of these failed there.
    pub failed: u64,
    /// When the last came.
    pub last: When,
    /// Whether the last one worked.
    pub works: bool,
}

/// Sums, as asked for by `from`, `to`, `by`, `bucket`, `user`, `model`; or what is to be charged for a `month`.
#[derive(Clone, Template)]
#[template(path = "admin/reports.html")]
pub struct ReportsPage {
    /// What stands around the page.
    pub frame: Frame,
    /// What was asked for.
    pub form: Filled,
    /// The heads of the columns before the numbers.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<SumLine>,
    /// How many rows there are beyond those shown.
    pub more: usize,
    /// All of it.
    pub total: SumLine,
    /// What costs are in.
    pub currency: String,
    /// Where the same is as a file.
    pub csv: String,
    /// The chart of tokens over time, where time is cut.
    pub chart_svg: Option<String>,
    /// Whether it is a chargeback of a month.
    pub chargeback: bool,
}
