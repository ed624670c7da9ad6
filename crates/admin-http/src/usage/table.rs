//! Reports as CSV (RFC 4180), made and sent in parts: however long one is, a part of it is in memory.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use llmgw_types::{GroupName, Money, UserId};
use llmgw_usage::ledger::{Bucket, Dimension, ReportQuery};

use super::{Asked, Row};
use crate::admin::Admin;
use crate::problem::Problem;

/// Users whose rows are made at once.
const AT_ONCE: usize = 100;

const HEAD: [&str; 15] = [
    "time",
    "user",
    "user_id",
    "key_id",
    "model",
    "endpoint",
    "target",
    "groups",
    "requests",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cost",
    "currency",
];

/// A file that the browser saves under `name`.
pub(super) fn answer(name: &str, body: impl Stream<Item = Result<Bytes, Problem>> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("content-disposition", format!("attachment; filename=\"{name}\"")))
        .streaming(body)
}

// Where the stream is.
enum At {
    Head,
    Parts(std::vec::IntoIter<Option<(UserId, UserId)>>),
}

/// The report, part by part. A failure half way breaks the answer off.
pub(super) fn stream(
    admin: Arc<Admin>,
    asked: Asked,
) -> impl Stream<Item = Result<Bytes, Problem>> + 'static {
    stream::try_unfold((admin, asked, At::Head), async |(admin, asked, at)| match at {
        At::Head => {
            let parts = parts(&admin, &asked).await?;
            let next = (admin, asked, At::Parts(parts.into_iter()));
            Ok(Some((head()?, next)))
        }
        At::Parts(mut parts) => match parts.next() {
            Some(users) => {
                let part = part(&admin, &asked, users).await?;
                Ok(Some((part, (admin, asked, At::Parts(parts)))))
            }
            None => Ok(None),
        },
    })
}

// A report by user or key is made for some users at a time, any other at once: it is short.
async fn parts(admin: &Admin, asked: &Asked) -> Result<Vec<Option<(UserId, UserId)>>, Problem> {
    let query = &asked.query;
    let long = [Dimension::User, Dimension::Key]
        .iter()
        .any(|dimension| query.by.contains(dimension));
    if !long {
        return Ok(vec![None]);
    }
    let users = ReportQuery {
        by: vec![Dimension::User],
        bucket: Bucket::None,
        ..query.clone()
    };
    let rows = admin.ledger.report(&users).await?;
    let users: Vec<UserId> = rows.into_iter().filter_map(|row| row.user).collect();
    let spans = users
        .chunks(AT_ONCE)
        .filter_map(|some| Some((*some.first()?, *some.last()?)));
    Ok(spans.map(Some).collect())
}

async fn part(admin: &Admin, asked: &Asked, users: Option<(UserId, UserId)>) -> Result<Bytes, Problem> {
    let query = ReportQuery {
        users,
        ..asked.query.clone()
    };
    let rows = admin.ledger.report(&query).await?;
    let rows = admin.named(admin.shaped(asked, rows)).await?;
    written(|csv| {
        rows.iter()
            .try_for_each(|row| csv.write_record(fields(row, &admin.currency)))
    })
}

fn head() -> Result<Bytes, Problem> {
    written(|csv| csv.write_record(HEAD))
}

fn written(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> Result<Bytes, Problem> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let done = write(&mut csv).map_err(|error| error.to_string());
    let text = done.and_then(|()| csv.into_inner().map_err(|error| error.to_string()));
    text.map(Bytes::from).map_err(|error| {
        tracing::error!(error, "a table cannot be written");
        Problem::broken()
    })
}

fn fields(row: &Row, currency: &str) -> [String; HEAD.len()] {
    fn text<T: ToString>(value: Option<&T>) -> String {
        value.map(ToString::to_string).unwrap_or_default()
    }
    let groups = row.groups.as_ref().map(|groups| {
        let names: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
        names.join(" ")
    });
    let (sum, tokens) = (&row.sum, &row.sum.tokens);
    [
        text(row.time.as_ref()),
        plain(row.user.clone().flatten().unwrap_or_default()),
        text(row.user_id.as_ref()),
        text(row.key_id.as_ref()),
        text(row.model.as_ref()),
        text(row.endpoint.as_ref()),
        plain(text(row.target.as_ref())),
        plain(groups.unwrap_or_default()),
        sum.requests.to_string(),
        tokens.prompt.to_string(),
        tokens.cached.to_string(),
        tokens.completion.to_string(),
        tokens.reasoning.to_string(),
        Money::from_nanos(sum.cost).to_string(),
        currency.to_owned(),
    ]
}

// Spreadsheets take a text that begins like this for a formula.
fn plain(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}
