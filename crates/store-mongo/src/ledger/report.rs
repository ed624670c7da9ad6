//! Reports: sums over roll-ups, never over events, so that their cost grows with hours and combinations and
//! not with requests.

use futures_util::TryStreamExt;
use jiff::tz::TimeZone;
use llmgw_types::{KeyId, Money, StoreError, Timestamp, TokenUsage, UserId};
use llmgw_usage::ledger::{Bucket, Dimension, ReportQuery, ReportRow, ReportTotal};
use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};

use super::days::{day_number, day_start};
use super::rollup::{SUMS, hour_date, hour_of};
use super::{HOUR_MICROS, USAGE_HOURLY};
use crate::Options;
use crate::error::{corrupt, failed};
use crate::fields::{from_bson, get_i64, get_uuid, uuid};

pub(super) async fn report(
    database: &Database,
    query: &ReportQuery,
    options: &Options,
) -> Result<Vec<ReportRow>, StoreError> {
    let bucket = match query.bucket {
        Bucket::None => Bson::Null,
        Bucket::Hour => "$hour".into(),
        Bucket::Day => match span(database).await? {
            Some((first, last)) => day_number(&options.reports_timezone, first, last),
            None => return Ok(Vec::new()),
        },
    };
    let rollups = database.collection::<Document>(USAGE_HOURLY);
    let summed = rollups
        .aggregate([doc! { "$match": filter(query) }, group(query, bucket)])
        .allow_disk_use(true)
        .max_time(options.report_timeout);
    let mut documents = summed.await.map_err(failed)?;
    let mut rows = Vec::new();
    while let Some(document) = documents.try_next().await.map_err(failed)? {
        rows.push(read(&document, query.bucket, &options.reports_timezone)?);
    }
    if rows.is_empty() && query.by.is_empty() && query.bucket == Bucket::None {
        rows.push(ReportRow::default());
    }
    sort(&mut rows);
    Ok(rows)
}

// By the order of our types, which is not always that of their texts.
fn sort(rows: &mut [ReportRow]) {
    rows.sort_by(|a, b| {
        (a.time, a.user, a.key, &a.model, a.endpoint, &a.target, &a.groups)
            .cmp(&(b.time, b.user, b.key, &b.model, b.endpoint, &b.target, &b.groups))
    });
}

fn filter(query: &ReportQuery) -> Document {
    let mut filter = Document::new();
    let mut hours = Document::new();
    let hour = |micros: i64| hour_date(micros.div_euclid(HOUR_MICROS));
    if let Some(from) = query.from {
        hours.insert("$gte", hour(from.as_micros()));
    }
    if let Some(to) = query.to {
        // Cut up: the hour before which `to` lies still counts.
        hours.insert("$lte", hour(to.as_micros().saturating_sub(1)));
    }
    if !hours.is_empty() {
        filter.insert("hour", hours);
    }
    if let Some(user) = query.user {
        filter.insert("user", uuid(user.as_bytes()));
    }
    if let Some((first, last)) = query.users {
        let span = doc! { "user": { "$gte": uuid(first.as_bytes()), "$lte": uuid(last.as_bytes()) } };
        filter.insert("$and", vec![span]);
    }
    if let Some(key) = query.key {
        filter.insert("key", uuid(key.as_bytes()));
    }
    if let Some(model) = &query.model {
        filter.insert("model", model.as_str());
    }
    filter
}

// Slots are not among what is grouped by, and so are added up.
fn group(query: &ReportQuery, bucket: Bson) -> Document {
    let mut by = Document::new();
    if bucket != Bson::Null {
        by.insert("bucket", bucket);
    }
    for dimension in &query.by {
        let field = field(*dimension);
        by.insert(field, format!("${field}"));
    }
    let mut group = doc! { "_id": by };
    for field in SUMS {
        group.insert(field, doc! { "$sum": format!("${field}") });
    }
    doc! { "$group": group }
}

fn field(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::User => "user",
        Dimension::Key => "key",
        Dimension::Model => "model",
        Dimension::Endpoint => "endpoint",
        Dimension::Target => "target",
        Dimension::Groups => "groups",
    }
}

/// The first and the last hour that has a roll-up.
async fn span(database: &Database) -> Result<Option<(i64, i64)>, StoreError> {
    let rollups = database.collection::<Document>(USAGE_HOURLY);
    let mut ends = Vec::new();
    for direction in [1, -1] {
        let end = rollups
            .find_one(doc! {})
            .sort(doc! { "hour": direction })
            .projection(doc! { "hour": 1 });
        let Some(end) = end.await.map_err(failed)? else {
            return Ok(None);
        };
        let hour = end
            .get_datetime("hour")
            .map_err(|error| corrupt(error.to_string()))?;
        ends.push(hour_of(*hour));
    }
    Ok(ends.first().copied().zip(ends.last().copied()))
}

fn read(document: &Document, bucket: Bucket, zone: &TimeZone) -> Result<ReportRow, StoreError> {
    let by = document
        .get_document("_id")
        .map_err(|error| corrupt(error.to_string()))?;
    Ok(ReportRow {
        user: by
            .contains_key("user")
            .then(|| get_uuid(by, "user"))
            .transpose()?
            .map(UserId::from_bytes),
        key: by
            .contains_key("key")
            .then(|| get_uuid(by, "key"))
            .transpose()?
            .map(KeyId::from_bytes),
        model: optional(by, "model")?,
        endpoint: optional(by, "endpoint")?,
        target: optional(by, "target")?,
        groups: optional(by, "groups")?,
        time: time(by, bucket, zone)?,
        total: total(document)?,
    })
}

fn time(by: &Document, bucket: Bucket, zone: &TimeZone) -> Result<Option<Timestamp>, StoreError> {
    Ok(match bucket {
        Bucket::None => None,
        Bucket::Hour => {
            let hour = by
                .get_datetime("bucket")
                .map_err(|error| corrupt(error.to_string()))?;
            Some(Timestamp::from_millis(hour.timestamp_millis()))
        }
        Bucket::Day => Some(day_start(zone, get_i64(by, "bucket")?)),
    })
}

pub(super) fn total(document: &Document) -> Result<ReportTotal, StoreError> {
    let sum = |field| get_i64(document, field);
    let count = |field| sum(field).map(|sum| u64::try_from(sum).unwrap_or_default());
    Ok(ReportTotal {
        requests: count("requests")?,
        charged: count("charged")?,
        tokens: TokenUsage {
            prompt: count("prompt")?,
            cached: count("cached")?,
            completion: count("completion")?,
            reasoning: count("reasoning")?,
        },
        cost: Money::from_nanos(sum("cost")?),
    })
}

// What was not asked for is not there; no target is null.
fn optional<T: serde::de::DeserializeOwned>(by: &Document, field: &str) -> Result<Option<T>, StoreError> {
    match by.get(field) {
        None | Some(Bson::Null) => Ok(None),
        Some(value) => from_bson(field, value).map(Some),
    }
}
