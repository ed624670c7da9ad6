//! One record as a document of `usage_events`.

use llmgw_types::{
    Endpoint, GroupName, KeyId, ModelId, Money, RequestId, TargetId, Timestamp, TokenSource, TokenUsage,
    UserId,
};
use llmgw_usage::ledger::{End, UsageRecord};
use mongodb::bson::{DateTime, Uuid};
use serde::{Deserialize, Serialize};

/// The most a single record's count may be: where JSON numbers end, and so that a thousand fit in a sum. A
/// model server that claims more must not stop the ledger.
const MOST: u64 = 1 << 53;
const MOST_COST: i64 = 1 << 53;

const MILLI_MICROS: i64 = 1_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Event {
    #[serde(rename = "_id")]
    id: Uuid,
    time: DateTime,
    micros: i64,
    user: Uuid,
    key: Uuid,
    groups: Vec<GroupName>,
    model: ModelId,
    target: Option<TargetId>,
    endpoint: Endpoint,
    status: u16,
    streamed: bool,
    end: End,
    charged: bool,
    tokens: TokenUsage,
    source: TokenSource,
    cost: i64,
    ttft_ms: Option<u32>,
    duration_ms: u32,
    /// Absent in events of earlier versions.
    #[serde(default)]
    units: u64,
    /// The server's time, by which the event is removed some day.
    appended_at: DateTime,
}

impl Event {
    pub(super) fn new(record: &UsageRecord, appended_at: DateTime) -> Self {
        let (time, micros) = split(record.time);
        Self {
            id: Uuid::from_bytes(*record.id.as_bytes()),
            time,
            micros,
            user: Uuid::from_bytes(*record.user.as_bytes()),
            key: Uuid::from_bytes(*record.key.as_bytes()),
            charged: record.charged(),
            groups: record.groups.clone(),
            model: record.model.clone(),
            target: record.target.clone(),
            endpoint: record.endpoint,
            status: record.status,
            streamed: record.streamed,
            end: record.end,
            tokens: record.tokens,
            source: record.source,
            cost: record.cost.nanos(),
            ttft_ms: record.ttft_ms,
            duration_ms: record.duration_ms,
            units: record.units,
            appended_at,
        }
    }
}

impl From<Event> for UsageRecord {
    fn from(event: Event) -> Self {
        let time = event.time.timestamp_millis().saturating_mul(MILLI_MICROS);
        Self {
            id: RequestId::from_bytes(event.id.bytes()),
            time: Timestamp::from_micros(time.saturating_add(event.micros)),
            key: KeyId::from_bytes(event.key.bytes()),
            user: UserId::from_bytes(event.user.bytes()),
            groups: event.groups,
            model: event.model,
            target: event.target,
            endpoint: event.endpoint,
            status: event.status,
            streamed: event.streamed,
            end: event.end,
            tokens: event.tokens,
            source: event.source,
            cost: Money::from_nanos(event.cost),
            ttft_ms: event.ttft_ms,
            duration_ms: event.duration_ms,
            units: event.units,
        }
    }
}

/// Before anything else, so that event and roll-up say the same.
pub(super) fn within_bounds(record: &mut UsageRecord) {
    let tokens = &mut record.tokens;
    for tokens in [
        &mut tokens.prompt,
        &mut tokens.cached,
        &mut tokens.completion,
        &mut tokens.reasoning,
    ] {
        *tokens = (*tokens).min(MOST);
    }
    record.units = record.units.min(MOST);
    record.cost = Money::from_nanos(record.cost.nanos().clamp(-MOST_COST, MOST_COST));
}

/// A date, and the microseconds beyond it.
pub(super) fn split(time: Timestamp) -> (DateTime, i64) {
    let micros = time.as_micros();
    (
        DateTime::from_millis(micros.div_euclid(MILLI_MICROS)),
        micros.rem_euclid(MILLI_MICROS),
    )
}
