//! What somebody may know of themselves: their limits, their use, the models they may use. Pages and REST show the
//! same.

use std::time::Duration;

use llmgw_keys::{ApiKey, KeyState, User};
use llmgw_models::{Model, ModelState};
use llmgw_types::{StoreError, Timestamp, Window};
use llmgw_usage::admission::{Limited, Rule, RuleState};
use llmgw_usage::ledger::{Bucket, Dimension, ReportQuery, ReportRow, ReportTotal};
use serde::{Deserialize, Serialize};

use crate::portal::Portal;

const DAY: Duration = Duration::from_hours(24);

/// Limits of so many keys are shown at most: each is a question to the counters.
const MOST_KEYS: usize = 100;

/// Which time a report covers; days begin where `reports.timezone` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Period {
    /// Since midnight.
    #[serde(rename = "1")]
    Today,
    /// Today and the six days before.
    #[default]
    #[serde(rename = "7")]
    Week,
    /// Today and the 29 days before.
    #[serde(rename = "30")]
    Days30,
    /// Since the first of the month.
    #[serde(rename = "month")]
    Month,
}

impl Period {
    /// As addresses have it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Today => "1",
            Self::Week => "7",
            Self::Days30 => "30",
            Self::Month => "month",
        }
    }

    /// How its chart is cut.
    pub(crate) const fn bucket(self) -> Bucket {
        match self {
            Self::Today => Bucket::Hour,
            _ => Bucket::Day,
        }
    }

    pub(crate) fn from(self, portal: &Portal) -> Timestamp {
        let now = portal.clock.now();
        let begin = |window, at| portal.calendar.span(window, at).map_or(at, |span| span.start);
        match self {
            Self::Today => begin(Window::Day, now),
            // Noon of a day is within that day also where clocks are put back.
            Self::Week => begin(Window::Day, begin(Window::Day, now).plus(DAY / 2).minus(6 * DAY)),
            Self::Days30 => begin(Window::Day, begin(Window::Day, now).plus(DAY / 2).minus(29 * DAY)),
            Self::Month => begin(Window::Month, now),
        }
    }
}

/// What somebody used.
#[derive(Debug, Default)]
pub(crate) struct Used {
    pub(crate) total: ReportTotal,
    pub(crate) by_model: Vec<(String, ReportTotal)>,
    pub(crate) by_key: Vec<(String, ReportTotal)>,
    /// With the beginning of each bucket that has any.
    pub(crate) over_time: Vec<(Timestamp, ReportTotal)>,
}

/// The use of `user` in `period`.
pub(crate) async fn used(
    portal: &Portal,
    user: &User,
    keys: &[ApiKey],
    period: Period,
) -> Result<Used, StoreError> {
    let query = |by: &[Dimension], bucket| ReportQuery {
        from: Some(period.from(portal)),
        by: by.to_vec(),
        bucket,
        user: Some(user.id),
        ..ReportQuery::default()
    };
    let rows = portal
        .ledger
        .report(&query(&[Dimension::Model, Dimension::Key], period.bucket()))
        .await?;
    let mut used = Used::default();
    for row in &rows {
        used.total.merge(&row.total);
        let model = row.model.as_ref().map(ToString::to_string).unwrap_or_default();
        add(&mut used.by_model, model, row);
        add(&mut used.by_key, key_name(keys, row), row);
        if let Some(time) = row.time {
            add(&mut used.over_time, time, row);
        }
    }
    used.by_model
        .sort_by_key(|(_, total)| std::cmp::Reverse(total.tokens.total()));
    used.by_key
        .sort_by_key(|(_, total)| std::cmp::Reverse(total.tokens.total()));
    Ok(used)
}

fn add<K: PartialEq>(sums: &mut Vec<(K, ReportTotal)>, of: K, row: &ReportRow) {
    match sums.iter_mut().find(|(key, _)| *key == of) {
        Some((_, total)) => total.merge(&row.total),
        None => sums.push((of, row.total)),
    }
}

// Keys are called by their names, and told apart by their hints.
fn key_name(keys: &[ApiKey], row: &ReportRow) -> String {
    let key = row.key.and_then(|id| keys.iter().find(|key| key.id == id));
    match (key, row.key) {
        (Some(key), _) => format!("{} ({})", key.name, key.hint),
        (None, Some(id)) => id.to_string(),
        (None, None) => String::new(),
    }
}

/// Whether a key may still be used.
pub(crate) fn is_usable(key: &ApiKey, now: Timestamp) -> bool {
    key.state == KeyState::Active && key.expires_at.is_none_or(|end| now < end)
}

/// How far the limits of `user` and of their keys are used up. Those of everyone are not theirs to see.
pub(crate) async fn limits(
    portal: &Portal,
    user: &User,
    keys: &[ApiKey],
) -> Result<Vec<RuleState>, StoreError> {
    let whose = Limited {
        user: user.id,
        limits: &user.limits,
        groups: &user.groups,
    };
    let now = portal.clock.now();
    portal.limits.refresh().await?;
    let mut rules = portal.limits.get().rules(None, whose);
    let limited = keys
        .iter()
        .filter(|key| is_usable(key, now) && !key.limits.is_empty());
    for key in limited.take(MOST_KEYS) {
        rules.extend(key.limits.iter().map(|limit| Rule {
            subject: llmgw_usage::admission::Subject::Key(key.id),
            limit: *limit,
        }));
    }
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    portal.admission.state(now, &rules).await
}

/// The models that `user` may use, in order of id.
pub(crate) async fn models(portal: &Portal, user: &User) -> Result<Vec<Model>, StoreError> {
    let mut models = portal.models.list().await?;
    models.retain(|model| model.state == ModelState::Active && model.allows(&user.groups));
    models.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
    Ok(models)
}
