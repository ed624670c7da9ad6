//! Single records, newest first.
//!
//! Ids are made in the order of time, so the index by id gives the order; a span of time is turned into a span
//! of ids, so that no other events than those near it are read.

use std::time::Duration;

use futures_util::TryStreamExt;
use llmgw_types::{StoreError, Timestamp};
use llmgw_usage::ledger::{EventQuery, UsageRecord};
use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::Hint;

use super::event::{Event, split};
use super::rollup::hour_date;
use super::{HOUR_MICROS, USAGE_EVENTS, hours};
use crate::error::failed;
use crate::fields::{limit, uuid};
use crate::indexes::events_of_user;

pub(super) async fn events(
    database: &Database,
    query: &EventQuery,
    bound: Duration,
) -> Result<Vec<UsageRecord>, StoreError> {
    // To MongoDB a limit of nought is none.
    if query.limit == 0 {
        return Ok(Vec::new());
    }
    let Some(filter) = filter(database, query).await? else {
        return Ok(Vec::new());
    };
    let collection = database.collection::<Event>(USAGE_EVENTS);
    let found = collection
        .find(filter)
        .sort(doc! { "_id": -1 })
        .limit(limit(query.limit))
        .hint(hint(query))
        .max_time(bound);
    let events = found.await.map_err(failed)?;
    events
        .map_ok(UsageRecord::from)
        .try_collect()
        .await
        .map_err(failed)
}

// The server would choose by what it tried last, and sometimes sort a month.
fn hint(query: &EventQuery) -> Hint {
    Hint::Keys(match query.user {
        Some(_) if query.id.is_none() => events_of_user(),
        _ => doc! { "_id": 1 },
    })
}

/// `None` when nothing can be found.
async fn filter(database: &Database, query: &EventQuery) -> Result<Option<Document>, StoreError> {
    let mut all = Vec::new();
    let ids = |operator: &str, id: Bson| doc! { "_id": { operator: id } };
    if let Some(id) = query.id {
        all.push(ids("$eq", uuid(id.as_bytes())));
    }
    if let Some(before) = query.before {
        all.push(ids("$lt", uuid(before.as_bytes())));
    }
    if let Some(user) = query.user {
        all.push(doc! { "user": uuid(user.as_bytes()) });
    }
    if let Some(from) = query.from {
        let Some(first) = hours::first_id_from(database, hour_date(hour(from))).await? else {
            return Ok(None);
        };
        all.push(ids("$gte", first));
        all.push(doc! { "$nor": [earlier(from)] });
    }
    if let Some(to) = query.to {
        let last = hours::last_id_up_to(database, hour_date(hour(to))).await?;
        let Some(last) = last else { return Ok(None) };
        all.push(ids("$lte", last));
        all.push(earlier(to));
    }
    Ok(Some(if all.is_empty() {
        doc! {}
    } else {
        doc! { "$and": all }
    }))
}

/// What is before `time`, to the microsecond.
fn earlier(time: Timestamp) -> Document {
    let (date, micros) = split(time);
    doc! { "$or": [{ "time": { "$lt": date } }, { "time": date, "micros": { "$lt": micros } }] }
}

fn hour(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(HOUR_MICROS)
}
