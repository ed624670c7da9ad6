//! What was used, and what is to be charged for.

use std::collections::{BTreeMap, HashMap};

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use llmgw_pages::admin::{Place, ReportsPage, SumLine};
use llmgw_pages::look::chart::{Bar, bars};
use llmgw_pages::look::money;
use llmgw_types::{KeyId, Timestamp};

use super::super::{PageCaller, PageError, page};
use super::fields::{again, day, read};
use super::lists::{Sought, address};
use crate::admin::Admin;
use crate::problem::Problem;
use crate::usage::{Row, Sum, WantedMonth, WantedReport};

/// Rows on a page; the file has all.
const MOST_ROWS: usize = 500;

/// Days that a report has where none are given.
const DAYS: u64 = 30;

/// Bars that a chart can hold.
const MOST_BARS: usize = 400;

/// What a report found.
struct Found {
    rows: Vec<Row>,
    total: Sum,
    csv: String,
}

/// `GET /reports`.
pub(super) async fn reports(
    admin: Data<Admin>,
    who: PageCaller,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let names = ["from", "to", "by", "bucket", "user", "model"];
    let mut sought = Sought::read(request.query_string(), &names);
    if request.query_string().is_empty() {
        preset(&admin, &mut sought);
    }
    let (by, bucket) = (given(&sought, "by"), given(&sought, "bucket"));
    let found = report(&admin, &sought).await;
    shown(&admin, &who, sought, found, (by, bucket), false).await
}

fn given(sought: &Sought, name: &str) -> String {
    sought.one(name).unwrap_or_default().to_owned()
}

// The last days by model.
fn preset(admin: &Admin, sought: &mut Sought) {
    let from = admin
        .clock
        .now()
        .minus(std::time::Duration::from_hours(24 * (DAYS - 1)));
    let from = admin.calendar.local(from, "%Y-%m-%d");
    for (name, value) in [("from", from), ("by", "model".to_owned())] {
        sought.form.add(name, &value);
        sought.given.push((name.to_owned(), value));
    }
}

async fn report(admin: &Admin, sought: &Sought) -> Result<Found, Problem> {
    let from = day(admin, "from", sought.one("from").unwrap_or_default())?;
    let to = day(admin, "to", sought.one("to").unwrap_or_default())?;
    let wanted = WantedReport {
        from: from.map(|(start, _)| start),
        to: to.map(|(_, end)| end),
        by: given(sought, "by"),
        bucket: given(sought, "bucket"),
        user: sought.one("user").map(str::to_owned),
        key: None,
        model: sought.one("model").map(|text| read("model", text)).transpose()?,
    };
    let mut query: Vec<(String, String)> = sought
        .given
        .iter()
        .filter(|(name, _)| name != "from" && name != "to")
        .cloned()
        .collect();
    for (name, at) in [("from", wanted.from), ("to", wanted.to)] {
        query.extend(at.map(|at| (name.to_owned(), at.to_string())));
    }
    let report = admin.report(&wanted).await?;
    Ok(Found {
        rows: report.data,
        total: report.total,
        csv: address("/api/v1/usage.csv", &query),
    })
}

/// `GET /chargeback`.
pub(super) async fn chargeback(
    admin: Data<Admin>,
    who: PageCaller,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let mut sought = Sought::read(request.query_string(), &["month", "by"]);
    if request.query_string().is_empty() {
        let month = admin.calendar.local(admin.clock.now(), "%Y-%m");
        for (name, value) in [("month", month), ("by", "user,model".to_owned())] {
            sought.form.add(name, &value);
            sought.given.push((name.to_owned(), value));
        }
    }
    let by = given(&sought, "by");
    let found = charged(&admin, &sought).await;
    shown(&admin, &who, sought, found, (by, String::new()), true).await
}

async fn charged(admin: &Admin, sought: &Sought) -> Result<Found, Problem> {
    let month = given(sought, "month").parse();
    let wanted = WantedMonth {
        month: month.map_err(|error| Problem::invalid(format!("month: {error}")))?,
        by: Some(given(sought, "by")),
    };
    let charged = admin.chargeback(&wanted).await?;
    let mut query = sought.given.clone();
    if wanted.by.as_deref() == Some("") {
        query.push(("by".to_owned(), String::new()));
    }
    Ok(Found {
        rows: charged.data,
        total: charged.total,
        csv: address("/api/v1/usage/chargeback.csv", &query),
    })
}

async fn shown(
    admin: &Admin,
    who: &PageCaller,
    sought: Sought,
    found: Result<Found, Problem>,
    (by, bucket): (String, String),
    chargeback: bool,
) -> Result<HttpResponse, PageError> {
    let mut shown = ReportsPage {
        frame: who.frame(Some(Place::Reports)),
        form: sought.form,
        columns: columns(&by, &bucket),
        rows: Vec::new(),
        more: 0,
        total: SumLine::default(),
        currency: admin.currency.clone(),
        csv: String::new(),
        chart_svg: None,
        chargeback,
    };
    let status = match found {
        Ok(found) => {
            shown.chart_svg = chart(admin, &found.rows, &bucket);
            shown.more = found.rows.len().saturating_sub(MOST_ROWS);
            shown.rows = lines(admin, &found.rows, &by, &bucket).await?;
            shown.total = sum(&found.total);
            shown.csv = found.csv;
            StatusCode::OK
        }
        // There is no such user.
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => {
            shown.form = shown.form.refused(&format!("user: {problem}"));
            StatusCode::OK
        }
        Err(problem) => {
            let (status, text) = again(problem)?;
            shown.form = shown.form.refused(&text);
            status
        }
    };
    page(status, &shown)
}

fn columns(by: &str, bucket: &str) -> Vec<String> {
    let words = [bucket].into_iter().chain(by.split(','));
    let words = words.filter(|word| !word.is_empty());
    let head = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(char::to_uppercase);
        first.into_iter().flatten().chain(letters).collect()
    };
    words.map(head).collect()
}

/// Requests, tokens and cost as a line of nothing in particular.
pub(super) fn sum(sum: &Sum) -> SumLine {
    SumLine {
        of: Vec::new(),
        requests: sum.requests,
        tokens_in: sum.tokens.prompt,
        tokens_cached: sum.tokens.cached,
        tokens_out: sum.tokens.completion,
        cost: money(sum.cost),
    }
}

async fn lines(admin: &Admin, rows: &[Row], by: &str, bucket: &str) -> Result<Vec<SumLine>, Problem> {
    let mut keys = HashMap::new();
    let mut lines = Vec::new();
    for row in rows.iter().take(MOST_ROWS) {
        let mut of = Vec::new();
        of.extend(row.time.map(|time| time_text(admin, time, bucket)));
        for word in by.split(',').filter(|word| !word.is_empty()) {
            of.push(match (word, row.key_id) {
                ("key", Some(id)) => key_name(admin, &mut keys, id).await?,
                _ => name(row, word),
            });
        }
        lines.push(SumLine { of, ..sum(&row.sum) });
    }
    Ok(lines)
}

fn time_text(admin: &Admin, time: Timestamp, bucket: &str) -> String {
    let form = match bucket {
        "hour" => "%Y-%m-%d %H:%M",
        "month" => "%Y-%m",
        _ => "%Y-%m-%d",
    };
    admin.calendar.local(time, form)
}

fn name(row: &Row, word: &str) -> String {
    let text = match word {
        "user" => row
            .user
            .clone()
            .map(|name| name.unwrap_or_else(|| "erased".to_owned())),
        "model" => row.model.as_ref().map(ToString::to_string),
        "target" => row.target.as_ref().map(ToString::to_string),
        "endpoint" => row.endpoint.map(|endpoint| endpoint.to_string()),
        "group" | "groups" => row.groups.as_ref().map(|groups| super::fields::joined(groups)),
        _ => None,
    };
    text.filter(|text| !text.is_empty())
        .unwrap_or_else(|| "none".to_owned())
}

async fn key_name(admin: &Admin, known: &mut HashMap<KeyId, String>, id: KeyId) -> Result<String, Problem> {
    if let Some(name) = known.get(&id) {
        return Ok(name.clone());
    }
    let name = match admin.key(id).await {
        Ok(key) => format!("{} ({}), {}", key.name, key.hint, key.owner),
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => id.to_string(),
        Err(problem) => return Err(problem),
    };
    known.insert(id, name.clone());
    Ok(name)
}

fn chart(admin: &Admin, rows: &[Row], bucket: &str) -> Option<String> {
    let mut sums: BTreeMap<Timestamp, [u64; 2]> = BTreeMap::new();
    for row in rows {
        let at = sums.entry(row.time?).or_default();
        at[0] = at[0].saturating_add(row.sum.tokens.prompt);
        at[1] = at[1].saturating_add(row.sum.tokens.completion);
    }
    // Of a long time that which is newest.
    let skipped = sums.len().saturating_sub(MOST_BARS);
    let drawn: Vec<Bar> = sums
        .into_iter()
        .skip(skipped)
        .map(|(time, values)| Bar {
            label: admin.calendar.local(time, label(bucket)),
            values,
        })
        .collect();
    (!drawn.is_empty()).then(|| bars("Tokens over time", &drawn, ["Tokens in", "Tokens out"]))
}

// Short enough that labels do not touch each other.
fn label(bucket: &str) -> &'static str {
    match bucket {
        "hour" => "%-d %b %Hh",
        "month" => "%b %Y",
        _ => "%-d %b",
    }
}
