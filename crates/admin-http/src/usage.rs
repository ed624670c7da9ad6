//! `/api/v1/usage` and `/api/v1/usage/events`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use llmgw_types::{KeyId, ModelId, RequestId, Timestamp, TokenUsage};
use llmgw_usage::ledger::{Bucket, Dimension, EventQuery, ReportQuery, ReportRow, ReportTotal, UsageRecord};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Admin;
use crate::errors::Problem;
use crate::names::{self, Names};

const MOST_EVENTS: usize = 10_000;
const EVENTS: usize = 100;

/// A report as the API takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    #[serde(default)]
    by: String,
    #[serde(default)]
    bucket: String,
    user: Option<String>,
    key: Option<KeyId>,
    model: Option<ModelId>,
}

/// Sums of use. Times are cut to whole hours.
pub(crate) async fn report(admin: Data<Admin>, wanted: Query<Wanted>) -> Result<HttpResponse, Problem> {
    let wanted = wanted.into_inner();
    let user = match &wanted.user {
        Some(name) => Some(known_user(&admin, name).await?),
        None => None,
    };
    let query = ReportQuery {
        from: wanted.from,
        to: wanted.to,
        by: dimensions(&wanted.by)?,
        bucket: bucket(&wanted.bucket)?,
        user,
        key: wanted.key,
        model: wanted.model,
    };
    let rows = admin.ledger.report(&query).await?;
    let mut total = ReportTotal::default();
    let mut names = Names::default();
    let mut data = Vec::with_capacity(rows.len());
    for row in &rows {
        total.merge(&row.total);
        // The one row of a report that is not broken down is its total.
        if !query.by.is_empty() || query.bucket != Bucket::None || row.total.requests > 0 {
            data.push(row_json(&admin, &mut names, row).await?);
        }
    }
    let total = json!({"requests": total.requests, "tokens": tokens(&total.tokens), "cost": total.cost});
    Ok(HttpResponse::Ok().json(json!({"data": data, "total": total})))
}

async fn row_json(admin: &Admin, names: &mut Names, row: &ReportRow) -> Result<Value, Problem> {
    let mut fields = Map::new();
    if let Some(user) = row.user {
        fields.insert("user".to_owned(), json!(names.of(admin, user).await?));
        fields.insert("user_id".to_owned(), json!(user));
    }
    let mut add = |name: &str, value: Value| {
        if !value.is_null() {
            fields.insert(name.to_owned(), value);
        }
    };
    add("key_id", json!(row.key));
    add("model", json!(row.model));
    add("endpoint", json!(row.endpoint));
    add("target", json!(row.target));
    add("groups", json!(row.groups));
    add("time", json!(row.time));
    add("requests", json!(row.total.requests));
    add("tokens", tokens(&row.total.tokens));
    add("cost", json!(row.total.cost));
    Ok(Value::Object(fields))
}

/// Which records to show, as the API takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedEvents {
    limit: Option<usize>,
    request_id: Option<RequestId>,
    user: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    before: Option<RequestId>,
}

/// Records, newest first.
pub(crate) async fn events(admin: Data<Admin>, wanted: Query<WantedEvents>) -> Result<HttpResponse, Problem> {
    let wanted = wanted.into_inner();
    let user = match &wanted.user {
        Some(name) => Some(known_user(&admin, name).await?),
        None => None,
    };
    let limit = wanted.limit.unwrap_or(EVENTS);
    if !(1..=MOST_EVENTS).contains(&limit) {
        return Err(Problem::invalid(format!("limit: must be 1 to {MOST_EVENTS}")));
    }
    let query = EventQuery {
        id: wanted.request_id,
        user,
        from: wanted.from,
        to: wanted.to,
        before: wanted.before,
        limit,
    };
    let records = admin.ledger.events(&query).await?;
    let mut names = Names::default();
    let mut data = Vec::with_capacity(records.len());
    for record in &records {
        let user = names.of(&admin, record.user).await?;
        data.push(event_json(record, user.as_deref()));
    }
    let next = records
        .last()
        .filter(|_| records.len() == limit)
        .map(|record| record.id);
    Ok(HttpResponse::Ok().json(json!({"data": data, "next": next})))
}

fn event_json(record: &UsageRecord, user: Option<&str>) -> Value {
    json!({
        "request_id": record.id,
        "time": record.time,
        "user": user,
        "user_id": record.user,
        "key_id": record.key,
        "groups": record.groups,
        "model": record.model,
        "target": record.target,
        "endpoint": record.endpoint,
        "status": record.status,
        "streamed": record.streamed,
        "end": record.end,
        "source": record.source,
        "tokens": tokens(&record.tokens),
        "cost": record.cost,
        "ttft_ms": record.ttft_ms,
        "duration_ms": record.duration_ms,
    })
}

async fn known_user(admin: &Admin, name: &str) -> Result<llmgw_types::UserId, Problem> {
    names::find(admin, name)
        .await?
        .ok_or_else(|| Problem::not_found(format!("There is no user `{name}`.")))
}

fn dimensions(text: &str) -> Result<Vec<Dimension>, Problem> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| match word {
            "user" => Ok(Dimension::User),
            "key" => Ok(Dimension::Key),
            "model" => Ok(Dimension::Model),
            "endpoint" => Ok(Dimension::Endpoint),
            "target" => Ok(Dimension::Target),
            "groups" => Ok(Dimension::Groups),
            other => Err(Problem::invalid(format!(
                "by: `{other}` is none of user, key, model, endpoint, target, groups"
            ))),
        })
        .collect()
}

fn bucket(text: &str) -> Result<Bucket, Problem> {
    match text {
        "" | "none" => Ok(Bucket::None),
        "hour" => Ok(Bucket::Hour),
        "day" => Ok(Bucket::Day),
        other => Err(Problem::invalid(format!(
            "bucket: `{other}` is none of none, hour, day"
        ))),
    }
}

fn tokens(usage: &TokenUsage) -> Value {
    json!(usage)
}
