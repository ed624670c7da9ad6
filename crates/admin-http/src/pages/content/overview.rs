//! How the service is used now.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use llmgw_pages::admin::{OverviewPage, Place, TargetLine};
use llmgw_pages::look::chart::{Bar, bars};
use llmgw_types::{Timestamp, Window};
use llmgw_usage::ledger::End;

use super::super::{PageCaller, PageError, page};
use super::lists::when;
use super::reports::sum;
use crate::admin::Admin;
use crate::problem::Problem;
use crate::usage::events::Event;
use crate::usage::{Row, WantedEvents, WantedReport};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Requests that are looked at one by one.
const MOST_EVENTS: usize = 1_000;

/// `GET /`.
pub(super) async fn overview(admin: Data<Admin>, who: PageCaller) -> Result<HttpResponse, PageError> {
    let now = admin.clock.now();
    // Whole hours, as the ledger has them, and whole days: the last is that of now.
    let hours = steps(&admin, Window::Hour, now.minus(HOUR * 23), now);
    let days = steps(&admin, Window::Day, now.minus(DAY * 29), now);
    let hourly = report(&admin, hours.first(), "hour").await?;
    let daily = report(&admin, days.first(), "day").await?;
    let wanted = WantedEvents {
        from: Some(now.minus(DAY)),
        limit: Some(MOST_EVENTS),
        ..WantedEvents::default()
    };
    let events = admin.events(&wanted).await?.data;
    let shown = OverviewPage {
        frame: who.frame(Some(Place::Overview)),
        failed: (
            events.len() as u64,
            events.iter().filter(|event| failed(event)).count() as u64,
        ),
        targets: targets(&admin, &events),
        hours_svg: chart("Tokens by hour", &admin, &hours, &hourly.data, "%H:%M"),
        days_svg: chart("Tokens by day", &admin, &days, &daily.data, "%-d %b"),
        day: sum(&hourly.total),
        month: sum(&daily.total),
        currency: admin.currency.clone(),
        has_models: !admin.list_models().await?.data.is_empty(),
    };
    page(StatusCode::OK, &shown)
}

async fn report(
    admin: &Admin,
    from: Option<&Timestamp>,
    bucket: &str,
) -> Result<crate::usage::ShownReport, Problem> {
    let wanted = WantedReport {
        from: from.copied(),
        bucket: bucket.to_owned(),
        ..WantedReport::default()
    };
    admin.report(&wanted).await
}

// The beginnings of all windows from the one of `from` to the one of `to`.
fn steps(admin: &Admin, window: Window, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let mut steps = Vec::new();
    let mut at = from;
    while let Some(span) = admin.calendar.span(window, at).filter(|span| span.start <= to) {
        steps.push(span.start);
        at = span.end;
    }
    steps
}

fn chart(title: &str, admin: &Admin, steps: &[Timestamp], rows: &[Row], form: &str) -> String {
    let bar = |(place, from): (usize, &Timestamp)| {
        let to = steps.get(place + 1);
        let within = rows.iter().filter(|row| {
            row.time
                .is_some_and(|time| time >= *from && to.is_none_or(|to| time < *to))
        });
        let mut values = [0_u64; 2];
        for row in within {
            values[0] = values[0].saturating_add(row.sum.tokens.prompt);
            values[1] = values[1].saturating_add(row.sum.tokens.completion);
        }
        Bar {
            label: admin.calendar.local(*from, form),
            values,
        }
    };
    let drawn: Vec<Bar> = steps.iter().enumerate().map(bar).collect();
    bars(title, &drawn, ["Tokens in", "Tokens out"])
}

fn failed(event: &Event) -> bool {
    event.status >= 500 || matches!(event.end, End::UpstreamError | End::Crashed)
}

// Newest first come the requests, so the first of a target is its last.
fn targets(admin: &Admin, events: &[Event]) -> Vec<TargetLine> {
    let mut lines: BTreeMap<String, TargetLine> = BTreeMap::new();
    for event in events {
        let Some(target) = &event.target else { continue };
        let name = format!("{}, {target}", event.model);
        let line = lines.entry(name.clone()).or_insert_with(|| TargetLine {
            name,
            requests: 0,
            failed: 0,
            last: when(admin, event.time),
            works: !failed(event),
        });
        line.requests += 1;
        line.failed += u64::from(failed(event));
    }
    lines.into_values().collect()
}
