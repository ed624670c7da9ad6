//! What was used, what is left, and which models there are.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use llmgw_usage::ledger::{Dimension, ReportQuery, ReportRow};

use crate::api::During;
use crate::errors::PageError;
use crate::portal::Portal;
use crate::session::Member;
use crate::{facts, views};

/// `GET /usage`.
pub(crate) async fn usage(
    portal: Data<Portal>,
    who: Member,
    during: Query<During>,
) -> Result<HttpResponse, PageError> {
    let (user, period) = (&who.0.user, during.period());
    let keys = portal.keys.own(user, portal.site.max_keys).list().await?;
    let used = facts::used(&portal, user, &keys, period).await?;
    views::usage(&portal, &who.0, period, &used)
}

/// `GET /usage.csv`: a row for each hour or day, model and key.
pub(crate) async fn usage_csv(
    portal: Data<Portal>,
    who: Member,
    during: Query<During>,
) -> Result<HttpResponse, PageError> {
    let (user, period) = (&who.0.user, during.period());
    let keys = portal.keys.own(user, portal.site.max_keys).list().await?;
    let query = ReportQuery {
        from: Some(period.from(&portal)),
        by: vec![Dimension::Key, Dimension::Model],
        bucket: period.bucket(),
        user: Some(user.id),
        ..ReportQuery::default()
    };
    let rows = portal.ledger.report(&query).await?;
    let name = |row: &ReportRow| {
        let key = row.key.and_then(|id| keys.iter().find(|key| key.id == id));
        key.map(|key| key.name.clone()).unwrap_or_default()
    };
    let text = csv(&rows, name).map_err(|error| {
        tracing::error!(%error, "a table cannot be written");
        PageError::Broken
    })?;
    let file = format!("attachment; filename=\"usage-{}.csv\"", period.word());
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("content-disposition", file))
        .body(text))
}

fn csv(rows: &[ReportRow], key_name: impl Fn(&ReportRow) -> String) -> Result<Vec<u8>, csv::Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "time",
        "model",
        "key",
        "key_id",
        "requests",
        "prompt_tokens",
        "cached_tokens",
        "completion_tokens",
        "cost",
    ])?;
    for row in rows {
        let total = &row.total;
        table.write_record([
            row.time.map(|time| time.to_string()).unwrap_or_default(),
            row.model.as_ref().map(ToString::to_string).unwrap_or_default(),
            plain(key_name(row)),
            row.key.map(|id| id.to_string()).unwrap_or_default(),
            total.requests.to_string(),
            total.tokens.prompt.to_string(),
            total.tokens.cached.to_string(),
            total.tokens.completion.to_string(),
            total.cost.to_string(),
        ])?;
    }
    table.into_inner().map_err(|error| error.into_error().into())
}

// Spreadsheets take a text that begins like this for a formula.
fn plain(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}

/// `GET /limits`.
pub(crate) async fn limits(portal: Data<Portal>, who: Member) -> Result<HttpResponse, PageError> {
    let user = &who.0.user;
    let keys = portal.keys.own(user, portal.site.max_keys).list().await?;
    let states = facts::limits(&portal, user, &keys).await;
    if let Err(error) = &states {
        tracing::warn!(%error, "limits cannot be read");
    }
    views::limits(&portal, &who.0, &keys, states.ok().as_deref())
}

/// `GET /models`.
pub(crate) async fn models(portal: Data<Portal>, who: Member) -> Result<HttpResponse, PageError> {
    let models = facts::models(&portal, &who.0.user).await?;
    views::models(&portal, &who.0, &models)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_formula_and_no_second_column() {
        let rows = [ReportRow::default()];
        let text = csv(&rows, |_| "=1+1,\"x\"".to_owned()).unwrap();
        let mut read = csv::Reader::from_reader(text.as_slice());
        let row = read.records().next().unwrap().unwrap();
        assert_eq!((row.len(), &row[2]), (9, "'=1+1,\"x\""));
    }
}
