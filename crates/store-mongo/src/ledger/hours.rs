//! The least and greatest id of each hour's events: turns a span of time into a span of ids.
//!
//! Ids are made in the order of time, nearly: a request's time is taken when it is admitted, an upload after its
//! id. So these spans are kept and not computed.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use llmgw_types::{RequestId, StoreError};
use llmgw_usage::ledger::UsageRecord;
use mongodb::Database;
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::rollup::{hour_bytes, hour_date};
use super::{HOUR_MICROS, USAGE_HOURS};
use crate::error::failed;
use crate::fields::{binary, uuid};
use crate::updates::Update;

/// The least and the greatest id by hour.
#[derive(Debug, Default)]
pub(super) struct Spans(BTreeMap<i64, (RequestId, RequestId)>);

impl Spans {
    pub(super) fn add(&mut self, record: &UsageRecord) {
        let hour = record.time.as_micros().div_euclid(HOUR_MICROS);
        let span = self.0.entry(hour).or_insert((record.id, record.id));
        *span = (span.0.min(record.id), span.1.max(record.id));
    }

    /// Widens the documents of `slot`.
    pub(super) fn updates(&self, slot: u8) -> Vec<Update> {
        let spans = self.0.iter();
        spans
            .map(|(hour, (first, last))| widen(*hour, slot, first.as_bytes(), last.as_bytes()))
            .collect()
    }
}

/// Widens the document of `slot` so that it holds these ids.
pub(super) fn widen(hour: i64, slot: u8, first_id: &[u8; 16], last_id: &[u8; 16]) -> Update {
    let change = doc! {
        "$setOnInsert": { "hour": hour_date(hour), "slot": i32::from(slot) },
        "$min": { "first_id": uuid(first_id) },
        "$max": { "last_id": uuid(last_id) },
    };
    Update {
        filter: doc! { "_id": id(hour, slot) },
        change: change.into(),
        upsert: true,
    }
}

/// The least id of all events from this hour on; `None` when there are none.
pub(super) async fn first_id_from(database: &Database, hour: DateTime) -> Result<Option<Bson>, StoreError> {
    bound(
        database,
        doc! { "hour": { "$gte": hour } },
        doc! { "$min": "$first_id" },
    )
    .await
}

/// The greatest id of all events up to the end of this hour; `None` when there are none.
pub(super) async fn last_id_up_to(database: &Database, hour: DateTime) -> Result<Option<Bson>, StoreError> {
    bound(
        database,
        doc! { "hour": { "$lte": hour } },
        doc! { "$max": "$last_id" },
    )
    .await
}

async fn bound(database: &Database, hours: Document, pick: Document) -> Result<Option<Bson>, StoreError> {
    let pipeline = [
        doc! { "$match": hours },
        doc! { "$group": { "_id": null, "id": pick } },
    ];
    let found = database
        .collection::<Document>(USAGE_HOURS)
        .aggregate(pipeline)
        .await;
    let row = found.map_err(failed)?.try_next().await.map_err(failed)?;
    Ok(row.and_then(|mut row| row.remove("id")))
}

fn id(hour: i64, slot: u8) -> Bson {
    let mut id = hour_bytes(hour).to_vec();
    id.push(slot);
    binary(&id)
}
