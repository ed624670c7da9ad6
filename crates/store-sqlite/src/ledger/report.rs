//! Reports: sums over roll-ups, never over events, so that their cost grows with hours and combinations and
//! not with requests.

use std::cell::Cell;

use jiff::tz::TimeZone;
use llmgw_types::{KeyId, ModelId, Money, TargetId, Timestamp, TokenUsage, UserId};
use llmgw_usage::ledger::{Bucket, Dimension, ReportQuery, ReportRow, ReportTotal};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Row, named_params};

use super::HOUR_MICROS;
use crate::columns::{get_count, get_json, get_optional_time, get_parsed};

/// Teaches `connection` `day_start(hour)`: when the day in `zone` begins in which this hour begins, in
/// microseconds since 1970. The calendar is jiff's; SQLite knows no time zones.
pub(crate) fn register_day_start(connection: &Connection, zone: TimeZone) -> rusqlite::Result<()> {
    // Roll-ups come hour by hour, so the last answer is mostly the next.
    let last = Cell::new((i64::MIN, 0));
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("day_start", 1, flags, move |context| {
        let hour: i64 = context.get(0)?;
        if last.get().0 != hour {
            last.set((hour, day_start(hour.saturating_mul(HOUR_MICROS), &zone)));
        }
        Ok(last.get().1)
    })
}

fn day_start(micros: i64, zone: &TimeZone) -> i64 {
    let at = Timestamp::from_micros(micros)
        .to_jiff()
        .to_zoned_datetime(zone.clone());
    // Fails only beyond the year 9999; such an hour is then a day of its own.
    at.start_of_day()
        .map_or(micros, |day| Timestamp::from_jiff(day.timestamp()).as_micros())
}

pub(super) fn report(connection: &Connection, query: &ReportQuery) -> rusqlite::Result<Vec<ReportRow>> {
    let mut select = connection.prepare(&sql(query))?;
    let params = named_params! {
        ":from": query.from.map_or(i64::MIN, |from| from.as_micros().div_euclid(HOUR_MICROS)),
        // Cut up: the hour before which `to` lies still counts.
        ":to": query.to.map_or(i64::MAX, |to| to.as_micros().saturating_sub(1).div_euclid(HOUR_MICROS)),
        ":user": query.user.as_ref().map(UserId::as_bytes),
        ":first": query.users.as_ref().map(|(first, _)| first.as_bytes()),
        ":last": query.users.as_ref().map(|(_, last)| last.as_bytes()),
        ":key": query.key.as_ref().map(KeyId::as_bytes),
        ":model": query.model.as_ref().map(ModelId::as_str),
    };
    let mut rows: Vec<ReportRow> = select.query_map(params, read)?.collect::<rusqlite::Result<_>>()?;
    rows.sort_by(|a, b| {
        // By the order of our types, which is not always that of their texts.
        (a.time, a.user, a.key, &a.model, a.endpoint, &a.target, &a.groups)
            .cmp(&(b.time, b.user, b.key, &b.model, b.endpoint, &b.target, &b.groups))
    });
    Ok(rows)
}

/// The statement for a query. Only texts from here go into it; values are parameters.
pub(super) fn sql(query: &ReportQuery) -> String {
    let mut grouped = Vec::new();
    let mut column = |wanted: bool, expression: &'static str| {
        if !wanted {
            return "NULL";
        }
        grouped.push(expression);
        expression
    };
    let time = match query.bucket {
        Bucket::None => "NULL",
        Bucket::Hour => column(true, "h.hour * 3600000000"),
        Bucket::Day => column(true, "day_start(h.hour)"),
    };
    let by = |dimension| query.by.contains(&dimension);
    let user = column(by(Dimension::User), "d.user_id");
    let key = column(by(Dimension::Key), "d.key_id");
    let model = column(by(Dimension::Model), "d.model");
    let endpoint = column(by(Dimension::Endpoint), "d.endpoint");
    let target = column(by(Dimension::Target), "d.target");
    let groups = column(by(Dimension::Groups), "d.group_set");
    // Without GROUP BY a sum over nothing is a row, as promised for queries that ask for no columns.
    let group_by = if grouped.is_empty() {
        String::new()
    } else {
        format!("GROUP BY {}", grouped.join(", "))
    };
    format!(
        "SELECT {time} AS time, {user} AS user_id, {key} AS key_id, {model} AS model, {endpoint} AS endpoint,
            {target} AS target, {groups} AS group_set, {SUMS}
        FROM {} WHERE h.hour >= :from AND h.hour <= :to {} {group_by}",
        from_clause(query),
        filters(query)
    )
}

const SUMS: &str = "coalesce(sum(h.requests), 0) AS requests, coalesce(sum(h.charged), 0) AS charged,
    coalesce(sum(h.prompt), 0) AS prompt, coalesce(sum(h.cached), 0) AS cached,
    coalesce(sum(h.completion), 0) AS completion, coalesce(sum(h.reasoning), 0) AS reasoning,
    coalesce(sum(h.cost), 0) AS cost";

// A user's or a key's combinations are few: begin with them. Everybody's are many: begin with the hours. CROSS
// JOIN holds SQLite to that; it keeps no statistics of its own by which it would know.
fn from_clause(query: &ReportQuery) -> &'static str {
    if query.user.is_some() || query.users.is_some() || query.key.is_some() {
        "usage_dimensions AS d CROSS JOIN usage_hourly AS h INDEXED BY usage_hourly_by_dimension
            ON h.dimension_id = d.id"
    } else {
        "usage_hourly AS h CROSS JOIN usage_dimensions AS d ON d.id = h.dimension_id"
    }
}

fn filters(query: &ReportQuery) -> String {
    // Every parameter is named, asked for or not, so that all statements take the same.
    let filter = |wanted: bool, yes: &'static str, no: &'static str| if wanted { yes } else { no };
    [
        filter(query.user.is_some(), "AND d.user_id = :user", "AND :user IS NULL"),
        filter(
            query.users.is_some(),
            "AND d.user_id BETWEEN :first AND :last",
            "AND :first IS NULL AND :last IS NULL",
        ),
        filter(query.key.is_some(), "AND d.key_id = :key", "AND :key IS NULL"),
        filter(
            query.model.is_some(),
            "AND d.model = :model",
            "AND :model IS NULL",
        ),
    ]
    .join(" ")
}

fn read(row: &Row<'_>) -> rusqlite::Result<ReportRow> {
    let asked = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str_or_null()?.is_some());
    let target: Option<String> = row.get("target")?;
    Ok(ReportRow {
        user: row.get::<_, Option<_>>("user_id")?.map(UserId::from_bytes),
        key: row.get::<_, Option<_>>("key_id")?.map(KeyId::from_bytes),
        model: asked("model")?.then(|| get_parsed(row, "model")).transpose()?,
        endpoint: asked("endpoint")?
            .then(|| get_parsed(row, "endpoint"))
            .transpose()?,
        target: match target.as_deref() {
            None | Some("") => None,
            Some(_) => Some(get_parsed::<TargetId>(row, "target")?),
        },
        groups: asked("group_set")?
            .then(|| get_json(row, "group_set"))
            .transpose()?,
        time: get_optional_time(row, "time")?,
        total: ReportTotal {
            requests: get_count(row, "requests")?,
            charged: get_count(row, "charged")?,
            tokens: TokenUsage {
                prompt: get_count(row, "prompt")?,
                cached: get_count(row, "cached")?,
                completion: get_count(row, "completion")?,
                reasoning: get_count(row, "reasoning")?,
            },
            cost: Money::from_nanos(row.get("cost")?),
        },
    })
}
