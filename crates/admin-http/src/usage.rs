//! `/api/v1/usage` and `/api/v1/usage/events`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use llmgw_types::{KeyId, ModelId, RequestId, Timestamp, TokenUsage, UserId};
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
pub struct WantedReport {
    /// From the hour this moment is in.
    pub from: Option<Timestamp>,
    /// Up to the end of the hour before which this moment lies.
    pub to: Option<Timestamp>,
    /// What to break it down by, with commas: user, key, model, endpoint, target, groups.
    #[serde(default)]
    pub by: String,
    /// How to cut time: none, hour or day.
    #[serde(default)]
    pub bucket: String,
    /// Only this user, by name or id.
    pub user: Option<String>,
    /// Only this key.
    pub key: Option<KeyId>,
    /// Only this model.
    pub model: Option<ModelId>,
}

impl Admin {
    /// Sums of use. Times are cut to whole hours.
    ///
    /// # Errors
    /// When a word makes no sense, there is no such user, or a store failed.
    pub async fn report(&self, wanted: &WantedReport) -> Result<Value, Problem> {
        let query = ReportQuery {
            from: wanted.from,
            to: wanted.to,
            by: dimensions(&wanted.by)?,
            bucket: bucket(&wanted.bucket)?,
            user: known_user(self, wanted.user.as_deref()).await?,
            key: wanted.key,
            model: wanted.model.clone(),
        };
        let rows = self.ledger.report(&query).await?;
        let mut total = ReportTotal::default();
        let mut names = Names::default();
        let mut data = Vec::with_capacity(rows.len());
        for row in &rows {
            total.merge(&row.total);
            // The one row of a report that is not broken down is its total.
            if !query.by.is_empty() || query.bucket != Bucket::None || row.total.requests > 0 {
                data.push(row_json(self, &mut names, row).await?);
            }
        }
        let total = json!({"requests": total.requests, "tokens": tokens(&total.tokens), "cost": total.cost});
        Ok(json!({"data": data, "total": total}))
    }

    /// Records, newest first.
    ///
    /// # Errors
    /// When the limit is out of bounds, there is no such user, or a store failed.
    pub async fn events(&self, wanted: &WantedEvents) -> Result<Value, Problem> {
        let limit = wanted.limit.unwrap_or(EVENTS);
        if !(1..=MOST_EVENTS).contains(&limit) {
            return Err(Problem::invalid(format!("limit: must be 1 to {MOST_EVENTS}")));
        }
        let query = EventQuery {
            id: wanted.request_id,
            user: known_user(self, wanted.user.as_deref()).await?,
            from: wanted.from,
            to: wanted.to,
            before: wanted.before,
            limit,
        };
        let records = self.ledger.events(&query).await?;
        let mut names = Names::default();
        let mut data = Vec::with_capacity(records.len());
        for record in &records {
            let user = names.of(self, record.user).await?;
            data.push(event_json(record, user.as_deref()));
        }
        let next = records
            .last()
            .filter(|_| records.len() == limit)
            .map(|record| record.id);
        Ok(json!({"data": data, "next": next}))
    }
}

/// Sums of use.
pub(crate) async fn report(admin: Data<Admin>, wanted: Query<WantedReport>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.report(&wanted).await?))
}

/// Records.
pub(crate) async fn events(admin: Data<Admin>, wanted: Query<WantedEvents>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.events(&wanted).await?))
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
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedEvents {
    /// The most records to return, 100 unless given.
    pub limit: Option<usize>,
    /// Only this request.
    pub request_id: Option<RequestId>,
    /// Only of this user, by name or id.
    pub user: Option<String>,
    /// Only from this moment on.
    pub from: Option<Timestamp>,
    /// Only before this moment.
    pub to: Option<Timestamp>,
    /// Only records older than this one.
    pub before: Option<RequestId>,
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

async fn known_user(admin: &Admin, name: Option<&str>) -> Result<Option<UserId>, Problem> {
    let Some(name) = name else {
        return Ok(None);
    };
    let found = names::find(admin, name).await?;
    found
        .map(Some)
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
