//! Single records, newest first.
//!
//! Ids are made in the order of time, so the primary key gives the order. Roll-ups hold which ids their events
//! have: that turns times into ids, and finds a user's events without reading all of an idle user's months.
//! What remains is to read past other people's events of the hours in which the user was busy.

use llmgw_types::{KeyId, ModelId, Money, RequestId, TokenUsage, UserId};
use llmgw_usage::ledger::{EventQuery, UsageRecord};
use rusqlite::{Connection, Row, named_params};

use super::HOUR_MICROS;
use crate::columns::{get_count, get_json, get_parsed, get_time, limit};

pub(super) const SELECT: &str = "
    SELECT * FROM usage_events AS e CROSS JOIN usage_dimensions AS d ON d.id = e.dimension_id
    WHERE e.id >= :oldest AND e.id <= :newest AND (:before IS NULL OR e.id < :before)
        AND e.time >= :from AND e.time < :to AND (:user IS NULL OR d.user_id = :user)
    ORDER BY e.id DESC LIMIT :limit";

/// The hours in which a user was busy, those with the newest ids first.
pub(super) const HOURS_OF_USER: &str = "
    SELECT h.hour, min(h.first_id), max(h.last_id)
    FROM usage_dimensions AS d
    CROSS JOIN usage_hourly AS h INDEXED BY usage_hourly_by_dimension ON h.dimension_id = d.id
    WHERE d.user_id = :user AND h.hour >= :from AND h.hour <= :to
    GROUP BY h.hour ORDER BY 3 DESC";

/// Where to look: ids with both ends included, times without the end.
#[derive(Clone, Copy)]
struct Span {
    oldest: [u8; 16],
    newest: [u8; 16],
    from: i64,
    to: i64,
}

pub(super) fn events(connection: &Connection, query: &EventQuery) -> rusqlite::Result<Vec<UsageRecord>> {
    let Some(whole) = whole_span(connection, query)? else {
        return Ok(Vec::new());
    };
    let Some(user) = query.user else {
        return select(connection, query, &whole);
    };
    let mut found: Vec<UsageRecord> = Vec::new();
    let mut oldest = whole.oldest;
    for hour in hours_of(connection, user, &whole)? {
        let span = Span {
            oldest: hour.oldest.max(oldest),
            newest: hour.newest.min(whole.newest),
            ..hour
        };
        // Hours overlap in their ids: one is only past the page when even its newest id is.
        if hour.newest < oldest {
            break;
        }
        found.append(&mut select(connection, query, &span)?);
        found.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
        found.truncate(query.limit);
        if let Some(last) = found.last().filter(|_| found.len() == query.limit) {
            oldest = *last.id.as_bytes();
        }
    }
    Ok(found)
}

fn select(connection: &Connection, query: &EventQuery, span: &Span) -> rusqlite::Result<Vec<UsageRecord>> {
    let params = named_params! {
        ":oldest": span.oldest,
        ":newest": span.newest,
        ":before": query.before.as_ref().map(RequestId::as_bytes),
        ":from": span.from,
        ":to": span.to,
        ":user": query.user.as_ref().map(UserId::as_bytes),
        ":limit": limit(query.limit),
    };
    connection
        .prepare_cached(SELECT)?
        .query_map(params, read)?
        .collect()
}

/// One span per hour, cut to times within it: each event lies in exactly one of them.
fn hours_of(connection: &Connection, user: UserId, whole: &Span) -> rusqlite::Result<Vec<Span>> {
    let params = named_params! {
        ":user": user.as_bytes(),
        ":from": whole.from.div_euclid(HOUR_MICROS),
        ":to": whole.to.saturating_sub(1).div_euclid(HOUR_MICROS),
    };
    let read = |row: &Row<'_>| {
        let begin = row.get::<_, i64>(0)?.saturating_mul(HOUR_MICROS);
        Ok(Span {
            oldest: row.get(1)?,
            newest: row.get(2)?,
            from: whole.from.max(begin),
            to: whole.to.min(begin.saturating_add(HOUR_MICROS)),
        })
    };
    connection
        .prepare_cached(HOURS_OF_USER)?
        .query_map(params, read)?
        .collect()
}

/// The span of everything the query can find; `None` when that is nothing.
fn whole_span(connection: &Connection, query: &EventQuery) -> rusqlite::Result<Option<Span>> {
    let mut span = Span {
        oldest: [0; 16],
        newest: [0xff; 16],
        from: i64::MIN,
        to: i64::MAX,
    };
    if let Some(from) = query.from {
        span.from = from.as_micros();
        let text = "SELECT min(first_id) FROM usage_hours WHERE hour >= ?1";
        let Some(oldest) = bound(connection, text, span.from)? else {
            return Ok(None);
        };
        span.oldest = oldest;
    }
    if let Some(to) = query.to {
        span.to = to.as_micros();
        let text = "SELECT max(last_id) FROM usage_hours WHERE hour <= ?1";
        let Some(newest) = bound(connection, text, span.to.saturating_sub(1))? else {
            return Ok(None);
        };
        span.newest = newest;
    }
    if let Some(before) = query.before {
        span.newest = span.newest.min(*before.as_bytes());
    }
    if let Some(id) = query.id {
        span.oldest = span.oldest.max(*id.as_bytes());
        span.newest = span.newest.min(*id.as_bytes());
    }
    Ok(Some(span))
}

fn bound(connection: &Connection, text: &str, micros: i64) -> rusqlite::Result<Option<[u8; 16]>> {
    // An aggregate without groups is always one row.
    connection
        .prepare_cached(text)?
        .query_row([micros.div_euclid(HOUR_MICROS)], |row| row.get(0))
}

fn read(row: &Row<'_>) -> rusqlite::Result<UsageRecord> {
    let target: String = row.get("target")?;
    Ok(UsageRecord {
        id: RequestId::from_bytes(row.get(0)?),
        time: get_time(row, "time")?,
        key: KeyId::from_bytes(row.get("key_id")?),
        user: UserId::from_bytes(row.get("user_id")?),
        groups: get_json(row, "group_set")?,
        model: get_parsed::<ModelId>(row, "model")?,
        target: if target.is_empty() {
            None
        } else {
            Some(get_parsed(row, "target")?)
        },
        endpoint: get_parsed(row, "endpoint")?,
        status: row.get("status")?,
        streamed: row.get("streamed")?,
        end: get_parsed(row, "ending")?,
        tokens: TokenUsage {
            prompt: get_count(row, "prompt")?,
            cached: get_count(row, "cached")?,
            completion: get_count(row, "completion")?,
            reasoning: get_count(row, "reasoning")?,
        },
        source: get_parsed(row, "source")?,
        cost: Money::from_nanos(row.get("cost")?),
        ttft_ms: row.get("ttft_ms")?,
        duration_ms: row.get("duration_ms")?,
        units: get_count(row, "units")?,
    })
}
