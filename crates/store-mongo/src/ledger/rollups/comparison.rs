//! What events and roll-ups say of the same hours, on the server. Events count for, roll-ups against; where they
//! agree nothing is left.

use futures_util::TryStreamExt;
use llmgw_types::StoreError;
use llmgw_usage::ledger::RollupCheck;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReadConcern;
use mongodb::{ClientSession, Database};

use super::super::rollup::{SUMS, hour_date};
use super::super::{USAGE_EVENTS, USAGE_HOURLY};
use crate::error::{corrupt, failed};
use crate::fields::get_i64;
use crate::transaction::Failure;

/// What is told apart within an hour.
const COMBINATION: [&str; 6] = ["user", "key", "model", "endpoint", "target", "groups"];

/// How many combinations there are from the hour `from` to the hour before `to`, and how many differ.
pub(super) async fn count(database: &Database, from: i64, to: i64) -> Result<RollupCheck, StoreError> {
    let mut pipeline = compared(from, to);
    pipeline.push(doc! { "$group": {
        "_id": null,
        "checked": { "$sum": 1_i64 },
        "differences": { "$sum": { "$cond": [differs(), 1_i64, 0_i64] } },
    } });
    let counted = over_snapshot(database, pipeline).await?.pop();
    let Some(counted) = counted else {
        return Ok(RollupCheck::default());
    };
    let count = |field| get_i64(&counted, field).map(i64::unsigned_abs);
    Ok(RollupCheck {
        checked: count("checked")?,
        differences: count("differences")?,
    })
}

/// The combinations of the hour that differ. They stay the same whatever is appended, because an append adds to
/// both sides.
pub(super) async fn differing(database: &Database, hour: i64) -> Result<Vec<Document>, StoreError> {
    let mut pipeline = compared(hour, hour + 1);
    pipeline.push(doc! { "$match": { "$expr": differs() } });
    let rows = over_snapshot(database, pipeline).await?;
    let id = |row: Document| row.get_document("_id").cloned();
    let ids = rows.into_iter().map(id).collect::<Result<_, _>>();
    ids.map_err(|error| corrupt(error.to_string()))
}

/// `first_id` and `last_id` of the hour's events; `None` when it has none.
pub(super) async fn span_of_events(database: &Database, hour: i64) -> Result<Option<Document>, StoreError> {
    let ids = doc! { "_id": null, "first_id": { "$min": "$_id" }, "last_id": { "$max": "$_id" } };
    let pipeline = vec![of_hours("time", hour, hour + 1), doc! { "$group": ids }];
    Ok(over_snapshot(database, pipeline).await?.pop())
}

/// The sums of the hour's events, as the transaction sees them: `_id` is the combination.
pub(super) async fn sums_of_events(
    database: &Database,
    session: &mut ClientSession,
    hour: i64,
) -> Result<Vec<Document>, Failure> {
    let events = database.collection::<Document>(USAGE_EVENTS);
    let mut found = events
        .aggregate(sum_events(hour, hour + 1))
        .session(&mut *session)
        .await?;
    Ok(found.stream(session).try_collect().await?)
}

async fn over_snapshot(database: &Database, pipeline: Vec<Document>) -> Result<Vec<Document>, StoreError> {
    let events = database.collection::<Document>(USAGE_EVENTS);
    let found = events
        .aggregate(pipeline)
        .read_concern(ReadConcern::snapshot())
        .allow_disk_use(true);
    found.await.map_err(failed)?.try_collect().await.map_err(failed)
}

fn compared(from: i64, to: i64) -> Vec<Document> {
    let mut against = doc! { "_id": 0, "hour": 1 };
    against.extend(COMBINATION.map(|field| (field.to_owned(), Bson::Int32(1))));
    for field in SUMS {
        against.insert(field, doc! { "$multiply": [format!("${field}"), -1_i64] });
    }
    let rollups = [of_hours("hour", from, to), doc! { "$project": against }];
    let mut both = doc! { "_id": by("$hour".into()) };
    for field in SUMS {
        both.insert(field, doc! { "$sum": format!("${field}") });
    }
    let mut pipeline = sum_events(from, to).to_vec();
    pipeline.extend([
        doc! { "$replaceWith": { "$mergeObjects": ["$$ROOT", "$_id"] } },
        doc! { "$unionWith": { "coll": USAGE_HOURLY, "pipeline": rollups.to_vec() } },
        doc! { "$group": both },
    ]);
    pipeline
}

fn differs() -> Document {
    doc! { "$or": SUMS.map(|field| doc! { "$ne": [format!("${field}"), 0] }).to_vec() }
}

fn sum_events(from: i64, to: i64) -> [Document; 2] {
    let hour = doc! { "$dateTrunc": { "date": "$time", "unit": "hour" } };
    let group = doc! {
        "_id": by(hour.into()),
        "requests": { "$sum": 1_i64 },
        "charged": { "$sum": { "$cond": ["$charged", 1_i64, 0_i64] } },
        "prompt": { "$sum": "$tokens.prompt" },
        "cached": { "$sum": "$tokens.cached" },
        "completion": { "$sum": "$tokens.completion" },
        "reasoning": { "$sum": "$tokens.reasoning" },
        "cost": { "$sum": "$cost" },
    };
    [of_hours("time", from, to), doc! { "$group": group }]
}

fn by(hour: Bson) -> Document {
    let mut by = doc! { "hour": hour };
    by.extend(COMBINATION.map(|field| (field.to_owned(), format!("${field}").into())));
    by
}

fn of_hours(field: &str, from: i64, to: i64) -> Document {
    doc! { "$match": { field: { "$gte": hour_date(from), "$lt": hour_date(to) } } }
}
