//! Roll-ups compared with, and repaired from, the records.

mod comparison;
mod repair;

use llmgw_types::StoreError;
use llmgw_usage::ledger::RollupCheck;
use mongodb::Database;
use mongodb::bson::{Document, doc};

use super::rollup::{hour_date, hour_of};
use super::{USAGE_EVENTS, USAGE_HOURLY};
use crate::Options;
use crate::error::{corrupt, failed};
use crate::indexes::complete_from;

const DAY_HOURS: i64 = 24;
/// The hour that is cut by the age of events, and one for clocks that differ.
const MARGIN_HOURS: i64 = 2;

/// Day by day, each over one snapshot: appends go on meanwhile.
pub(super) async fn verify(database: &Database, options: &Options) -> Result<RollupCheck, StoreError> {
    let mut check = RollupCheck::default();
    let mut from = first_hour(database, options).await?;
    while let Some(hour) = next_hour(database, from).await? {
        from = hour + DAY_HOURS;
        let day = comparison::count(database, hour, from).await?;
        check.checked += day.checked;
        check.differences += day.differences;
    }
    Ok(check)
}

/// Hour by hour, each in a transaction of its own.
pub(super) async fn rebuild(database: &Database, options: &Options) -> Result<(), StoreError> {
    let mut from = first_hour(database, options).await?;
    while let Some(hour) = next_hour(database, from).await? {
        from = hour + 1;
        repair::hour(database, hour).await?;
    }
    Ok(())
}

/// The first hour of which all events are still there.
async fn first_hour(database: &Database, options: &Options) -> Result<i64, StoreError> {
    Ok(hour_of(complete_from(database, options).await?) + MARGIN_HOURS)
}

/// The first hour from this one on that has events or roll-ups.
async fn next_hour(database: &Database, from: i64) -> Result<Option<i64>, StoreError> {
    let mut next: Option<i64> = None;
    for (collection, field) in [(USAGE_EVENTS, "time"), (USAGE_HOURLY, "hour")] {
        let collection = database.collection::<Document>(collection);
        let first = collection
            .find_one(doc! { field: { "$gte": hour_date(from) } })
            .sort(doc! { field: 1 })
            .projection(doc! { field: 1 });
        if let Some(first) = first.await.map_err(failed)? {
            let time = first
                .get_datetime(field)
                .map_err(|error| corrupt(error.to_string()))?;
            let hour = hour_of(*time);
            next = Some(next.map_or(hour, |next| next.min(hour)));
        }
    }
    Ok(next)
}
