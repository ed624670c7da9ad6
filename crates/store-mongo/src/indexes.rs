//! The indexes, and how long events are kept.
//!
//! Events are removed by their `appended_at`, not by the time of their request: a record that was delivered,
//! removed and delivered again would count twice, however old its request is.

use std::time::Duration;

use llmgw_types::StoreError;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::error::Error;
use mongodb::options::{CommitQuorum, IndexOptions};
use mongodb::{Database, IndexModel};

use crate::audit::{self, AUDIT_ENTRIES};
use crate::error::failed;
use crate::fields::get_i64;
use crate::keys::API_KEYS;
use crate::ledger::{USAGE_EVENTS, USAGE_HOURLY, USAGE_HOURS};
use crate::start::meta;
use crate::users::USERS;
use crate::{Options, StartError};

const APPENDED_AT: &str = "appended_at";
/// What MongoDB takes at most: 68 years.
const FOR_EVER: i64 = i32::MAX as i64;
const OPTIONS_CONFLICT: &str = "IndexOptionsConflict";
/// When no event that was appended later was removed.
const COMPLETE_FROM: &str = "complete_from";

pub(crate) async fn make(database: &Database, options: &Options) -> Result<(), StartError> {
    for (collection, indexes) in [
        (
            API_KEYS,
            vec![unique("hash"), plain(doc! { "owner": 1, "_id": 1 })],
        ),
        (USERS, vec![unique("name"), unique_if_text("external_id")]),
        (
            USAGE_EVENTS,
            vec![plain(events_of_user()), plain(doc! { "time": 1 })],
        ),
        (USAGE_HOURLY, of_rollups()),
        (USAGE_HOURS, vec![plain(doc! { "hour": 1 })]),
        (AUDIT_ENTRIES, audit::indexes()),
    ] {
        let collection = database.collection::<Document>(collection);
        // A member that is away must not hold up the start.
        let making = collection
            .create_indexes(indexes)
            .commit_quorum(CommitQuorum::Majority);
        making.await.map_err(failed)?;
    }
    keep_for(database, options.retention).await?;
    Ok(())
}

/// Finds a user's events in the order of ids.
pub(crate) fn events_of_user() -> Document {
    doc! { "user": 1, "_id": -1 }
}

/// Since when all events are still there, by the time of their requests: those of earlier hours may be gone.
pub(crate) async fn complete_from(database: &Database, options: &Options) -> Result<DateTime, StoreError> {
    let noted = meta(database)
        .find_one(doc! { "_id": COMPLETE_FROM })
        .await
        .map_err(failed)?;
    let noted = noted.and_then(|noted| noted.get_datetime("time").ok().copied());
    let kept = before(now(database).await?, seconds(options.retention));
    Ok(noted.map_or(kept, |noted| noted.max(kept)))
}

// For reports about everybody, and about one user, key or model.
fn of_rollups() -> Vec<IndexModel> {
    let mut all = vec![plain(doc! { "hour": 1 })];
    all.extend(["user", "key", "model"].map(|field| plain(doc! { field: 1, "hour": 1 })));
    all
}

fn plain(keys: Document) -> IndexModel {
    IndexModel::builder().keys(keys).build()
}

fn unique(field: &str) -> IndexModel {
    let options = IndexOptions::builder().unique(true).build();
    IndexModel::builder()
        .keys(doc! { field: 1 })
        .options(options)
        .build()
}

// Documents without the field are not in it, and so may be many.
fn unique_if_text(field: &str) -> IndexModel {
    let only = doc! { field: { "$type": "string" } };
    let options = IndexOptions::builder()
        .unique(true)
        .partial_filter_expression(only)
        .build();
    IndexModel::builder()
        .keys(doc! { field: 1 })
        .options(options)
        .build()
}

async fn keep_for(database: &Database, retention: Option<Duration>) -> Result<(), StoreError> {
    let wanted = seconds(retention);
    let events = database.collection::<Document>(USAGE_EVENTS);
    let options = IndexOptions::builder()
        .expire_after(Duration::from_secs(wanted.unsigned_abs()))
        .build();
    let index = IndexModel::builder()
        .keys(doc! { APPENDED_AT: 1 })
        .options(options)
        .build();
    match events
        .create_index(index)
        .commit_quorum(CommitQuorum::Majority)
        .await
    {
        Err(error) if is_conflict(&error) => change_to(database, wanted).await,
        made => made.map(drop).map_err(failed),
    }
}

async fn change_to(database: &Database, wanted: i64) -> Result<(), StoreError> {
    let listed = database
        .run_command(doc! { "listIndexes": USAGE_EVENTS, "cursor": { "batchSize": 100 } })
        .await
        .map_err(failed)?;
    let indexes = listed
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"));
    let kept = indexes
        .into_iter()
        .flatten()
        .filter_map(|index| index.as_document())
        .find_map(|index| {
            index
                .get_document("key")
                .is_ok_and(|key| key.contains_key(APPENDED_AT))
                .then(|| get_i64(index, "expireAfterSeconds").ok())?
        });
    // First the note, then the change: once more is kept, nobody could tell what was already removed.
    if let Some(kept) = kept {
        let complete = before(now(database).await?, kept);
        meta(database)
            .update_one(
                doc! { "_id": COMPLETE_FROM },
                doc! { "$max": { "time": complete } },
            )
            .upsert(true)
            .await
            .map_err(failed)?;
    }
    let index = doc! { "keyPattern": { APPENDED_AT: 1 }, "expireAfterSeconds": wanted };
    let changed = database
        .run_command(doc! { "collMod": USAGE_EVENTS, "index": index })
        .await;
    changed.map(drop).map_err(failed)
}

fn seconds(retention: Option<Duration>) -> i64 {
    retention.map_or(FOR_EVER, |kept| {
        i64::try_from(kept.as_secs()).unwrap_or(FOR_EVER).min(FOR_EVER)
    })
}

// The server's clock, which is also the one it removes events by.
async fn now(database: &Database) -> Result<DateTime, StoreError> {
    let answer = database.run_command(doc! { "hello": 1 }).await.map_err(failed)?;
    answer
        .get_datetime("localTime")
        .copied()
        .map_err(|_| crate::error::corrupt("the server tells no time".to_owned()))
}

fn before(time: DateTime, seconds: i64) -> DateTime {
    DateTime::from_millis(
        time.timestamp_millis()
            .saturating_sub(seconds.saturating_mul(1_000)),
    )
}

fn is_conflict(error: &Error) -> bool {
    matches!(&*error.kind, mongodb::error::ErrorKind::Command(error) if error.code_name == OPTIONS_CONFLICT)
}
