//! Makes counters from the ledger: at start, and whenever a store lost them.

use std::collections::HashMap;

use llmgw_types::{StoreError, Timestamp, Window};

use super::{AdmissionStore, Calendar, Charge, Counter, Subject};
use crate::ledger::{Dimension, EventQuery, ReportQuery, ReportRow, UsageLedger};
use crate::{settled, subjects};

const HOUR_MICROS: i64 = 3_600_000_000;

/// Records read at a time.
const PAGE: usize = 10_000;

type Used = HashMap<Subject, Charge>;

/// Seeds `admission` with the [`counters`] of `ledger`, and makes it ready.
///
/// # Errors
/// When ledger or store failed; the counters are then as they were.
pub async fn rebuild(
    admission: &dyn AdmissionStore,
    ledger: &dyn UsageLedger,
    calendar: &Calendar,
    now: Timestamp,
) -> Result<(), StoreError> {
    admission.seed(now, &counters(ledger, calendar, now).await?).await
}

/// What `ledger` holds of the windows that `now` lies in. Whole hours come from roll-ups; the rest of a window
/// (the present minute, and the beginning of a day in a zone that is off by half an hour) from records.
///
/// What is still in a journal is not in the ledger and so not counted: ship it first.
///
/// # Errors
/// When the ledger failed.
pub async fn counters(
    ledger: &dyn UsageLedger,
    calendar: &Calendar,
    now: Timestamp,
) -> Result<Vec<Counter>, StoreError> {
    let mut counters = Vec::new();
    for window in [Window::Minute, Window::Hour, Window::Day, Window::Month] {
        let Some(span) = calendar.span(window, now) else {
            continue;
        };
        let mut used = Used::new();
        let full_hours = first_full_hour(span.start).min(span.end);
        add_records(ledger, span.start, full_hours, &mut used).await?;
        if full_hours < span.end {
            add_hours(ledger, full_hours, &mut used).await?;
        }
        counters.extend(used.into_iter().map(|(subject, used)| Counter {
            subject,
            window,
            used,
        }));
    }
    Ok(counters)
}

fn first_full_hour(at: Timestamp) -> Timestamp {
    let past = at.as_micros().rem_euclid(HOUR_MICROS);
    let wait = if past == 0 { 0 } else { HOUR_MICROS - past };
    Timestamp::from_micros(at.as_micros().saturating_add(wait))
}

// Nothing is later than the present, so a report needs no end.
async fn add_hours(ledger: &dyn UsageLedger, from: Timestamp, used: &mut Used) -> Result<(), StoreError> {
    let by = vec![
        Dimension::User,
        Dimension::Key,
        Dimension::Model,
        Dimension::Groups,
    ];
    let query = ReportQuery {
        from: Some(from),
        by,
        ..ReportQuery::default()
    };
    for row in ledger.report(&query).await? {
        let ReportRow {
            user: Some(user),
            key: Some(key),
            model: Some(model),
            groups: Some(groups),
            total,
            ..
        } = row
        else {
            let detail = "a report is not broken down as asked".to_owned();
            return Err(StoreError::Corrupt {
                store: "ledger",
                detail,
            });
        };
        let charge = Charge {
            requests: total.charged,
            tokens: total.tokens.total(),
            cost: total.cost,
        };
        add(used, subjects(user, key, &groups, &model), &charge);
    }
    Ok(())
}

async fn add_records(
    ledger: &dyn UsageLedger,
    from: Timestamp,
    to: Timestamp,
    used: &mut Used,
) -> Result<(), StoreError> {
    if from >= to {
        return Ok(());
    }
    let mut query = EventQuery {
        from: Some(from),
        to: Some(to),
        limit: PAGE,
        ..EventQuery::default()
    };
    loop {
        let records = ledger.events(&query).await?;
        for record in records.iter().map(settled) {
            add(used, record.subjects, &record.actual);
        }
        match records.last() {
            Some(last) if records.len() == PAGE => query.before = Some(last.id),
            _ => return Ok(()),
        }
    }
}

fn add(used: &mut Used, subjects: Vec<Subject>, charge: &Charge) {
    for subject in subjects {
        used.entry(subject).or_default().add(charge);
    }
}

#[cfg(test)]
mod tests;
