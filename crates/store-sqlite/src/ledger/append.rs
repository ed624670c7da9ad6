//! Appending: new records into `usage_events`, their sums into the roll-ups.
//!
//! The time per record decides how fast a journal is emptied, so: statements are prepared once, a combination
//! of dimensions is one number found in memory, and sums are made in memory and written once per hour and
//! combination of a batch.

use std::collections::{BTreeMap, HashMap};

use llmgw_types::{Money, RequestId};
use llmgw_usage::ledger::{ReportTotal, UsageRecord};
use rusqlite::{CachedStatement, Connection, params};

use super::{Dimensions, HOUR_MICROS};
use crate::columns::count;

const EVENT: &str = "
    INSERT INTO usage_events (id, dimension_id, time, status, streamed, ending, charged, prompt, cached,
        completion, reasoning, source, cost, ttft_ms, duration_ms, units)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
    ON CONFLICT DO NOTHING";

// A sum stops at 2^61 rather than turn into a floating-point number, which the column refuses: an append that
// always fails would hold up all that comes after it.
const HOURLY: &str = "
    INSERT INTO usage_hourly AS h (hour, dimension_id, requests, charged, prompt, cached, completion, reasoning,
        cost, first_id, last_id)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    ON CONFLICT DO UPDATE SET
        requests = h.requests + excluded.requests,
        charged = h.charged + excluded.charged,
        prompt = min(h.prompt + excluded.prompt, 1 << 61),
        cached = min(h.cached + excluded.cached, 1 << 61),
        completion = min(h.completion + excluded.completion, 1 << 61),
        reasoning = min(h.reasoning + excluded.reasoning, 1 << 61),
        cost = max(min(h.cost + excluded.cost, 1 << 61), -(1 << 61)),
        first_id = min(h.first_id, excluded.first_id),
        last_id = max(h.last_id, excluded.last_id)";

const MOST_SUM: i64 = 1 << 61;

const HOURS: &str = "
    INSERT INTO usage_hours AS h (hour, first_id, last_id) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET
        first_id = min(h.first_id, excluded.first_id),
        last_id = max(h.last_id, excluded.last_id)";

/// The least and the greatest id.
type Span = (RequestId, RequestId);

/// What a batch adds to the roll-ups.
#[derive(Default)]
struct Sums {
    hourly: HashMap<(i64, i64), (ReportTotal, Span)>,
    hours: BTreeMap<i64, Span>,
}

/// Keeps the records that are new and returns how many they are. The transaction is the caller's.
pub(super) fn append(
    connection: &Connection,
    dimensions: &mut Dimensions,
    records: Vec<UsageRecord>,
) -> rusqlite::Result<usize> {
    let mut insert = connection.prepare_cached(EVENT)?;
    let mut sums = Sums::default();
    let mut new = 0;
    for record in records {
        let record = within_bounds(record);
        let dimension = dimensions.id(connection, &record)?;
        if insert_event(&mut insert, dimension, &record)? {
            sums.add(dimension, &record);
            new += 1;
        }
    }
    sums.write(connection)?;
    Ok(new)
}

// Before anything else, so that event and roll-up say the same.
fn within_bounds(mut record: UsageRecord) -> UsageRecord {
    let tokens = &mut record.tokens;
    for tokens in [
        &mut tokens.prompt,
        &mut tokens.cached,
        &mut tokens.completion,
        &mut tokens.reasoning,
    ] {
        *tokens = count(*tokens).unsigned_abs();
    }
    record.units = count(record.units).unsigned_abs();
    let most = count(u64::MAX);
    record.cost = Money::from_nanos(record.cost.nanos().clamp(-most, most));
    record
}

/// `false` when a record of this id is there already, from an earlier batch or this one.
fn insert_event(
    insert: &mut CachedStatement<'_>,
    dimension: i64,
    record: &UsageRecord,
) -> rusqlite::Result<bool> {
    let changed = insert.execute(params![
        record.id.as_bytes(),
        dimension,
        record.time.as_micros(),
        record.status,
        record.streamed,
        record.end.as_str(),
        record.charged(),
        count(record.tokens.prompt),
        count(record.tokens.cached),
        count(record.tokens.completion),
        count(record.tokens.reasoning),
        record.source.as_str(),
        record.cost.nanos(),
        record.ttft_ms,
        record.duration_ms,
        count(record.units),
    ])?;
    Ok(changed > 0)
}

impl Sums {
    fn add(&mut self, dimension: i64, record: &UsageRecord) {
        let hour = record.time.as_micros().div_euclid(HOUR_MICROS);
        let alone = (record.id, record.id);
        let (total, span) = self
            .hourly
            .entry((hour, dimension))
            .or_insert((ReportTotal::default(), alone));
        total.add(record);
        widen(span, record.id);
        widen(self.hours.entry(hour).or_insert(alone), record.id);
    }

    fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut upsert = connection.prepare_cached(HOURLY)?;
        let sum = |tokens| i64::try_from(tokens).unwrap_or(MOST_SUM).min(MOST_SUM);
        for ((hour, dimension), (total, (first, last))) in &self.hourly {
            upsert.execute(params![
                hour,
                dimension,
                sum(total.requests),
                sum(total.charged),
                sum(total.tokens.prompt),
                sum(total.tokens.cached),
                sum(total.tokens.completion),
                sum(total.tokens.reasoning),
                total.cost.nanos().clamp(-MOST_SUM, MOST_SUM),
                first.as_bytes(),
                last.as_bytes(),
            ])?;
        }
        let mut upsert = connection.prepare_cached(HOURS)?;
        for (hour, (first, last)) in &self.hours {
            upsert.execute((hour, first.as_bytes(), last.as_bytes()))?;
        }
        Ok(())
    }
}

fn widen(span: &mut Span, id: RequestId) {
    span.0 = span.0.min(id);
    span.1 = span.1.max(id);
}
