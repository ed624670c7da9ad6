//! `/api/v1/usage`: sums, requests, and what is to be charged for.

pub(crate) mod chargeback;
pub(crate) mod events;
mod table;

pub use chargeback::{Month, WantedMonth};
pub use events::WantedEvents;

use std::collections::{BTreeMap, HashMap};

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use llmgw_types::{Endpoint, GroupName, KeyId, ModelId, TargetId, Timestamp, TokenUsage, UserId};
use llmgw_usage::ledger::{Bucket, Dimension, ReportQuery, ReportRow, ReportTotal};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::Admin;
use crate::caller::Reader;
use crate::problem::{Details, Problem};
use crate::words;

/// A report as the API takes it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct WantedReport {
    /// From the hour this moment is in.
    #[param(value_type = Option<words::Time>)]
    pub from: Option<Timestamp>,
    /// Up to the end of the hour before which this moment lies.
    #[param(value_type = Option<words::Time>)]
    pub to: Option<Timestamp>,
    /// What to break it down by, with commas: `user`, `key`, `model`, `endpoint`, `target`, `groups` (the set of groups
    /// a user was in), `group` (each of these; who is in two counts in both).
    #[param(value_type = Option<words::By>)]
    pub by: String,
    /// How to cut time: `none`, `hour`, `day`, `month`.
    #[param(value_type = Option<words::BucketName>)]
    pub bucket: String,
    /// Only this user, by name or id.
    pub user: Option<String>,
    /// Only this key.
    #[param(value_type = Option<words::Id>)]
    pub key: Option<KeyId>,
    /// Only this model.
    #[param(value_type = Option<words::ModelName>)]
    pub model: Option<ModelId>,
}

/// Sums of use.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Report)]
pub struct ShownReport {
    /// A row for each combination that has records.
    pub(crate) data: Vec<Row>,
    /// All of it.
    pub(crate) total: Sum,
    /// What costs are in billionths of.
    pub(crate) currency: String,
}

/// A sum of use. Of the first eight fields those are there that were asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Row {
    /// Who paid; null where they were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<Option<String>>,
    /// Their id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::Id>)]
    pub(crate) user_id: Option<UserId>,
    /// With which key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::Id>)]
    pub(crate) key_id: Option<KeyId>,
    /// Which model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::ModelName>)]
    pub(crate) model: Option<ModelId>,
    /// Which endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::EndpointName>)]
    pub(crate) endpoint: Option<Endpoint>,
    /// Which target; left out for requests that reached none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) target: Option<TargetId>,
    /// The groups the user was in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<words::Group>>)]
    pub(crate) groups: Option<Vec<GroupName>>,
    /// The beginning of the hour, day or month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::Time>)]
    pub(crate) time: Option<Timestamp>,
    /// The sum.
    #[serde(flatten)]
    pub(crate) sum: Sum,
}

/// Requests, tokens and cost.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Sum {
    /// Requests.
    pub(crate) requests: u64,
    /// Tokens.
    #[schema(value_type = words::Tokens)]
    pub(crate) tokens: TokenUsage,
    /// Cost, in billionths of the currency, at the prices of that time.
    pub(crate) cost: i64,
}

impl From<&ReportTotal> for Sum {
    fn from(total: &ReportTotal) -> Self {
        Self {
            requests: total.requests,
            tokens: total.tokens,
            cost: total.cost.nanos(),
        }
    }
}

impl Row {
    /// `user`: the name of who paid, where it was looked up.
    pub(crate) fn of(row: ReportRow, user: Option<Option<String>>) -> Self {
        Self {
            user,
            user_id: row.user,
            key_id: row.key,
            model: row.model,
            endpoint: row.endpoint,
            target: row.target,
            groups: row.groups,
            time: row.time,
            sum: Sum::from(&row.total),
        }
    }
}

/// Names of users, each looked up once.
#[derive(Default)]
pub(crate) struct Names(HashMap<UserId, Option<String>>);

impl Names {
    pub(crate) async fn of(&mut self, admin: &Admin, id: UserId) -> Result<Option<String>, Problem> {
        if let Some(name) = self.0.get(&id) {
            return Ok(name.clone());
        }
        let name = admin.name_of(id).await?;
        self.0.insert(id, name.clone());
        Ok(name)
    }
}

/// How a report cuts time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    By(Bucket),
    Month,
}

/// A report that makes sense.
#[derive(Debug, Clone)]
struct Asked {
    query: ReportQuery,
    cut: Cut,
    each_group: bool,
}

impl Admin {
    /// Sums of use. Times are cut to whole hours.
    ///
    /// # Errors
    /// When a word makes no sense, there is no such user, or a store failed.
    pub async fn report(&self, wanted: &WantedReport) -> Result<ShownReport, Problem> {
        let asked = self.asked(wanted).await?;
        let rows = self.ledger.report(&asked.query).await?;
        let mut total = ReportTotal::default();
        for row in &rows {
            total.merge(&row.total);
        }
        let data = self.named(self.shaped(&asked, rows)).await?;
        Ok(ShownReport {
            data,
            total: Sum::from(&total),
            currency: self.currency.clone(),
        })
    }

    async fn asked(&self, wanted: &WantedReport) -> Result<Asked, Problem> {
        let (by, each_group) = dimensions(&wanted.by)?;
        let cut = cut(&wanted.bucket)?;
        let user = match &wanted.user {
            Some(user) => Some(self.user(user).await?.id),
            None => None,
        };
        let query = ReportQuery {
            from: wanted.from,
            to: wanted.to,
            by,
            bucket: match cut {
                Cut::By(bucket) => bucket,
                Cut::Month => Bucket::Day,
            },
            user,
            users: None,
            key: wanted.key,
            model: wanted.model.clone(),
        };
        Ok(Asked {
            query,
            cut,
            each_group,
        })
    }

    // Months, and each group for itself, are made of what the ledger gives.
    fn shaped(&self, asked: &Asked, rows: Vec<ReportRow>) -> Vec<ReportRow> {
        let plain = asked.query.by.is_empty() && asked.query.bucket == Bucket::None;
        // The one row of a report that is not broken down is its total.
        let rows = rows.into_iter().filter(|row| !plain || row.total.requests > 0);
        if asked.cut != Cut::Month && !asked.each_group {
            return rows.collect();
        }
        let mut merged: BTreeMap<_, ReportRow> = BTreeMap::new();
        for mut row in rows {
            if asked.cut == Cut::Month {
                row.time = row.time.map(|time| self.month_of(time).0);
            }
            let groups = match (&row.groups, asked.each_group) {
                (Some(groups), true) => groups.iter().map(|group| Some(vec![group.clone()])).collect(),
                (groups, _) => vec![groups.clone()],
            };
            for groups in groups {
                let row = ReportRow {
                    groups,
                    ..row.clone()
                };
                let at = (
                    row.time,
                    row.user,
                    row.key,
                    row.model.clone(),
                    row.endpoint,
                    row.target.clone(),
                    row.groups.clone(),
                );
                match merged.get_mut(&at) {
                    Some(known) => known.total.merge(&row.total),
                    None => {
                        merged.insert(at, row);
                    }
                }
            }
        }
        merged.into_values().collect()
    }

    async fn named(&self, rows: Vec<ReportRow>) -> Result<Vec<Row>, Problem> {
        let mut names = Names::default();
        let mut data = Vec::with_capacity(rows.len());
        for row in rows {
            let user = match row.user {
                Some(id) => Some(names.of(self, id).await?),
                None => None,
            };
            data.push(Row::of(row, user));
        }
        Ok(data)
    }
}

fn dimensions(text: &str) -> Result<(Vec<Dimension>, bool), Problem> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let (mut by, mut each_group) = (Vec::new(), false);
    for word in words {
        let dimension = match word {
            "user" => Dimension::User,
            "key" => Dimension::Key,
            "model" => Dimension::Model,
            "endpoint" => Dimension::Endpoint,
            "target" => Dimension::Target,
            "groups" => Dimension::Groups,
            "group" => {
                each_group = true;
                Dimension::Groups
            }
            other => {
                let other: String = other.chars().take(64).collect();
                return Err(Problem::invalid(format!(
                    "by: `{other}` is none of user, key, model, endpoint, target, groups, group"
                )));
            }
        };
        by.push(dimension);
    }
    by.sort_unstable();
    by.dedup();
    Ok((by, each_group))
}

fn cut(text: &str) -> Result<Cut, Problem> {
    match text {
        "" | "none" => Ok(Cut::By(Bucket::None)),
        "hour" => Ok(Cut::By(Bucket::Hour)),
        "day" => Ok(Cut::By(Bucket::Day)),
        "month" => Ok(Cut::Month),
        other => {
            let other: String = other.chars().take(64).collect();
            Err(Problem::invalid(format!(
                "bucket: `{other}` is none of none, hour, day, month"
            )))
        }
    }
}

/// Sums of use. Times are cut to whole hours, and days and months begin in the time zone of reports.
#[utoipa::path(get, path = "/api/v1/usage", tag = "usage", params(WantedReport),
    responses((status = 200, body = ShownReport), (status = 400, body = Details), (status = 404, body = Details, description = "There is no such user."), (status = 422, body = Details)))]
pub(crate) async fn report(
    admin: Data<Admin>,
    _: Reader,
    wanted: Query<WantedReport>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.report(&wanted).await?))
}

/// The same as CSV, as a stream.
#[utoipa::path(get, path = "/api/v1/usage.csv", tag = "usage", params(WantedReport),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = Details), (status = 404, body = Details, description = "There is no such user."), (status = 422, body = Details)))]
pub(crate) async fn report_csv(
    admin: Data<Admin>,
    _: Reader,
    wanted: Query<WantedReport>,
) -> Result<HttpResponse, Problem> {
    let asked = admin.asked(&wanted).await?;
    Ok(table::answer(
        "usage.csv",
        table::stream(admin.into_inner(), asked),
    ))
}
