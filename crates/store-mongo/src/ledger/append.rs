//! Appending: new records into `usage_events`, their sums into the roll-ups, in one transaction.
//!
//! Ids that are there are looked up first: an insert that meets one ends the whole transaction, and batches are
//! delivered again as a rule after an outage.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use llmgw_types::{RequestId, StoreError};
use llmgw_usage::ledger::{ReportTotal, UsageRecord};
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::{ClientSession, Database};

use super::event::{Event, within_bounds};
use super::hours::Spans;
use super::rollup::Combination;
use super::{USAGE_EVENTS, USAGE_HOURLY, USAGE_HOURS};
use crate::error::corrupt;
use crate::fields::{get_uuid, uuid};
use crate::transaction::{self, Failure, Work};
use crate::updates::{Update, update};

/// Keeps the records that are new and returns how many they are, within `bound`.
pub(super) async fn append(
    database: &Database,
    slot: u8,
    records: Vec<UsageRecord>,
    bound: Duration,
) -> Result<usize, StoreError> {
    let records = once_each(records);
    transaction::run(database, bound, &Append { slot, records }).await
}

struct Append {
    slot: u8,
    records: Vec<UsageRecord>,
}

// The first of each id.
fn once_each(records: Vec<UsageRecord>) -> Vec<UsageRecord> {
    let mut seen = HashSet::with_capacity(records.len());
    let mut records: Vec<_> = records
        .into_iter()
        .filter(|record| seen.insert(record.id))
        .collect();
    for record in &mut records {
        within_bounds(record);
    }
    records
}

#[async_trait]
impl Work for Append {
    type Done = usize;

    async fn attempt(&self, database: &Database, session: &mut ClientSession) -> Result<usize, Failure> {
        let there = ids_there(database, session, &self.records).await?;
        let new = self.records.iter().filter(|record| !there.contains(&record.id));
        let new: Vec<&UsageRecord> = new.collect();
        if new.is_empty() {
            return Ok(0);
        }
        let appended_at = server_time(session)?;
        let events: Vec<_> = new.iter().map(|record| Event::new(record, appended_at)).collect();
        let collection = database.collection::<Event>(USAGE_EVENTS);
        collection.insert_many(events).session(&mut *session).await?;
        update(
            database,
            USAGE_HOURLY,
            hourly(&new, self.slot)?,
            Some(&mut *session),
        )
        .await?;
        let mut spans = Spans::default();
        new.iter().for_each(|record| spans.add(record));
        update(database, USAGE_HOURS, spans.updates(self.slot), Some(session)).await?;
        Ok(new.len())
    }
}

async fn ids_there(
    database: &Database,
    session: &mut ClientSession,
    records: &[UsageRecord],
) -> Result<HashSet<RequestId>, Failure> {
    let ids: Vec<Bson> = records.iter().map(|record| uuid(record.id.as_bytes())).collect();
    // All of them in the first answer.
    let batch = u32::try_from(ids.len() + 1).unwrap_or(u32::MAX);
    let events = database.collection::<Document>(USAGE_EVENTS);
    let found = events
        .find(doc! { "_id": { "$in": ids } })
        .projection(doc! { "_id": 1 })
        .batch_size(batch)
        .session(&mut *session);
    let mut found = found.await?;
    let mut found = found.stream(session);
    let mut there = HashSet::new();
    while let Some(document) = found.try_next().await? {
        there.insert(RequestId::from_bytes(get_uuid(&document, "_id")?));
    }
    Ok(there)
}

/// What the look-up just said it was, to the second.
fn server_time(session: &ClientSession) -> Result<DateTime, StoreError> {
    let time = session.operation_time().map(|time| i64::from(time.time));
    time.map(|seconds| DateTime::from_millis(seconds * 1_000))
        .ok_or_else(|| corrupt("the server tells no time".to_owned()))
}

fn hourly(records: &[&UsageRecord], slot: u8) -> Result<Vec<Update>, StoreError> {
    let mut sums: BTreeMap<Combination<'_>, ReportTotal> = BTreeMap::new();
    for record in records {
        sums.entry(Combination::of(record)).or_default().add(record);
    }
    sums.iter()
        .map(|(combination, total)| combination.add(slot, total))
        .collect()
}
