//! What is to be charged for, by calendar month. The cost is that of each request at the prices of its time.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use llmgw_types::{Timestamp, Window};
use llmgw_usage::ledger::ReportTotal;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Asked, Row, Sum, WantedReport, table};
use crate::admin::Admin;
use crate::caller::Reader;
use crate::problem::{Details, Problem};
use crate::words;

/// A calendar month, as in `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    year: i16,
    month: i8,
}

impl std::str::FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is no month; write 2026-11",
                text.chars().take(32).collect::<String>()
            )
        };
        let (year, month) = text.split_once('-').ok_or_else(wrong)?;
        let digits = |text: &str, most: usize| text.len() == most && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(wrong());
        }
        let (year, month) = (
            year.parse().map_err(|_| wrong())?,
            month.parse().map_err(|_| wrong())?,
        );
        if !(1970..=9998).contains(&year) || !(1..=12).contains(&month) {
            return Err(wrong());
        }
        Ok(Self { year, month })
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A month's chargeback as the API takes it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedMonth {
    /// Which month, as in `2026-11`.
    #[param(value_type = words::MonthName)]
    pub month: Month,
    /// What to break it down by, as for `/api/v1/usage`; `user,model` unless given.
    #[serde(default)]
    #[param(value_type = Option<words::By>)]
    pub by: Option<String>,
}

/// What is to be charged for a month.
#[derive(Debug, Serialize, ToSchema)]
pub struct Chargeback {
    /// Its first moment.
    #[schema(value_type = words::Time)]
    pub(crate) from: Timestamp,
    /// The first moment after it.
    #[schema(value_type = words::Time)]
    pub(crate) to: Timestamp,
    /// A row for each combination that has records.
    pub(crate) data: Vec<Row>,
    /// All of it.
    pub(crate) total: Sum,
    /// What costs are in billionths of.
    pub(crate) currency: String,
}

impl Admin {
    // The first moment of the month that a moment lies in, and the first after it.
    pub(super) fn month_of(&self, at: Timestamp) -> (Timestamp, Timestamp) {
        self.calendar
            .span(Window::Month, at)
            .map_or((at, at), |span| (span.start, span.end))
    }

    async fn asked_for_month(&self, wanted: &WantedMonth) -> Result<(Asked, Timestamp, Timestamp), Problem> {
        // Its middle lies in it in every time zone.
        let Month { year, month } = wanted.month;
        let middle: Timestamp = format!("{year:04}-{month:02}-15T00:00:00Z")
            .parse()
            .map_err(|_| Problem::invalid("month: there is no such month"))?;
        let (from, to) = self.month_of(middle);
        let report = WantedReport {
            from: Some(from),
            to: Some(to),
            by: wanted.by.clone().unwrap_or_else(|| "user,model".to_owned()),
            ..WantedReport::default()
        };
        Ok((self.asked(&report).await?, from, to))
    }

    /// What is to be charged for a month.
    ///
    /// # Errors
    /// When a word makes no sense or a store failed.
    pub async fn chargeback(&self, wanted: &WantedMonth) -> Result<Chargeback, Problem> {
        let (asked, from, to) = self.asked_for_month(wanted).await?;
        let rows = self.ledger.report(&asked.query).await?;
        let mut total = ReportTotal::default();
        for row in &rows {
            total.merge(&row.total);
        }
        Ok(Chargeback {
            from,
            to,
            data: self.named(self.shaped(&asked, rows)).await?,
            total: Sum::from(&total),
            currency: self.currency.clone(),
        })
    }
}

/// What is to be charged for a month: sums at the prices of that time.
#[utoipa::path(get, path = "/api/v1/usage/chargeback", tag = "usage", params(WantedMonth),
    responses((status = 200, body = Chargeback), (status = 400, body = Details), (status = 422, body = Details)))]
pub(crate) async fn chargeback(
    admin: Data<Admin>,
    _: Reader,
    wanted: Query<WantedMonth>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.chargeback(&wanted).await?))
}

/// The same as CSV, as a stream.
#[utoipa::path(get, path = "/api/v1/usage/chargeback.csv", tag = "usage", params(WantedMonth),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = Details), (status = 422, body = Details)))]
pub(crate) async fn chargeback_csv(
    admin: Data<Admin>,
    _: Reader,
    wanted: Query<WantedMonth>,
) -> Result<HttpResponse, Problem> {
    let (asked, ..) = admin.asked_for_month(&wanted).await?;
    let name = format!("chargeback-{}-{:02}.csv", wanted.month.year, wanted.month.month);
    Ok(table::answer(&name, table::stream(admin.into_inner(), asked)))
}
