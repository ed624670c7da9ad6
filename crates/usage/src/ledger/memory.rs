//! The in-memory adapter: what the port means, for tests and for a gateway that keeps nothing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use llmgw_types::{Endpoint, GroupName, KeyId, ModelId, RequestId, StoreError, TargetId, Timestamp, UserId};

use super::{
    Bucket, Dimension, EventQuery, ReportQuery, ReportRow, ReportTotal, RollupCheck, UsageLedger, UsageRecord,
};

const HOUR_MICROS: i64 = 3_600_000_000;

/// A ledger in this process's memory.
#[derive(Debug)]
pub struct MemoryLedger {
    zone: TimeZone,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    records: BTreeMap<RequestId, UsageRecord>,
    rollups: Rollups,
}

type Rollups = HashMap<RollupKey, ReportTotal>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct RollupKey {
    // The beginning of the hour.
    hour: Timestamp,
    user: UserId,
    key: KeyId,
    model: ModelId,
    endpoint: Endpoint,
    target: Option<TargetId>,
    groups: Vec<GroupName>,
}

impl Default for MemoryLedger {
    fn default() -> Self {
        Self::new(TimeZone::UTC)
    }
}

impl MemoryLedger {
    /// An empty ledger whose reports by day begin their days at midnight of `zone`.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            books: Mutex::default(),
        }
    }

    // Nothing in here panics while it holds the lock, so a poisoned one holds whole data.
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bucket(&self, bucket: Bucket, hour: Timestamp) -> Option<Timestamp> {
        match bucket {
            Bucket::None => None,
            Bucket::Hour => Some(hour),
            // Fails only beyond the year 9999; such an hour is then a day of its own.
            Bucket::Day => Some(
                hour.to_jiff()
                    .to_zoned_datetime(self.zone.clone())
                    .start_of_day()
                    .map_or(hour, |day| Timestamp::from_jiff(day.timestamp())),
            ),
        }
    }

    // A row without its sum: what it is found and sorted by.
    fn group(&self, query: &ReportQuery, key: &RollupKey) -> ReportRow {
        let by = |dimension| query.by.contains(&dimension);
        ReportRow {
            user: by(Dimension::User).then_some(key.user),
            key: by(Dimension::Key).then_some(key.key),
            model: by(Dimension::Model).then(|| key.model.clone()),
            endpoint: by(Dimension::Endpoint).then_some(key.endpoint),
            target: key.target.clone().filter(|_| by(Dimension::Target)),
            groups: by(Dimension::Groups).then(|| key.groups.clone()),
            time: self.bucket(query.bucket, key.hour),
            total: ReportTotal::default(),
        }
    }
}

#[async_trait]
impl UsageLedger for MemoryLedger {
    async fn append(&self, records: &[UsageRecord]) -> Result<usize, StoreError> {
        let books = &mut *self.lock();
        let mut new = 0;
        for record in records {
            if let Entry::Vacant(place) = books.records.entry(record.id) {
                place.insert(record.clone());
                add(&mut books.rollups, record);
                new += 1;
            }
        }
        Ok(new)
    }

    async fn report(&self, query: &ReportQuery) -> Result<Vec<ReportRow>, StoreError> {
        let mut rows: BTreeMap<_, ReportRow> = BTreeMap::new();
        for (key, total) in self
            .lock()
            .rollups
            .iter()
            .filter(|(key, _)| asked_for(query, key))
        {
            let row = self.group(query, key);
            rows.entry(order(&row)).or_insert(row).total.merge(total);
        }
        if rows.is_empty() && query.by.is_empty() && query.bucket == Bucket::None {
            return Ok(vec![ReportRow::default()]);
        }
        Ok(rows.into_values().collect())
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<UsageRecord>, StoreError> {
        let books = self.lock();
        let newest_first = books.records.values().rev().filter(|record| {
            query.id.is_none_or(|id| record.id == id)
                && query.before.is_none_or(|before| record.id < before)
                && query.user.is_none_or(|user| record.user == user)
                && query.from.is_none_or(|from| record.time >= from)
                && query.to.is_none_or(|to| record.time < to)
        });
        Ok(newest_first.take(query.limit).cloned().collect())
    }

    async fn verify(&self) -> Result<RollupCheck, StoreError> {
        let books = self.lock();
        let expected = rolled_up(&books.records);
        let wrong = expected
            .iter()
            .filter(|(key, total)| books.rollups.get(key) != Some(total))
            .count();
        let extra = books
            .rollups
            .keys()
            .filter(|key| !expected.contains_key(key))
            .count();
        let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
        Ok(RollupCheck {
            checked: count(expected.len() + extra),
            differences: count(wrong + extra),
        })
    }

    async fn rebuild(&self) -> Result<(), StoreError> {
        let mut books = self.lock();
        books.rollups = rolled_up(&books.records);
        Ok(())
    }
}

fn rolled_up(records: &BTreeMap<RequestId, UsageRecord>) -> Rollups {
    let mut rollups = Rollups::new();
    for record in records.values() {
        add(&mut rollups, record);
    }
    rollups
}

fn add(rollups: &mut Rollups, record: &UsageRecord) {
    let key = RollupKey {
        hour: hour_of(record.time),
        user: record.user,
        key: record.key,
        model: record.model.clone(),
        endpoint: record.endpoint,
        target: record.target.clone(),
        groups: record.groups.clone(),
    };
    rollups.entry(key).or_default().add(record);
}

fn asked_for(query: &ReportQuery, key: &RollupKey) -> bool {
    // `to` is cut up: its own hour counts unless it stands at that hour's very beginning.
    let last = |to: Timestamp| hour_of(to.minus(Duration::from_micros(1)));
    query.from.is_none_or(|from| key.hour >= hour_of(from))
        && query.to.is_none_or(|to| key.hour <= last(to))
        && query.user.is_none_or(|user| key.user == user)
        && query
            .users
            .is_none_or(|(first, last)| (first..=last).contains(&key.user))
        && query.key.is_none_or(|id| key.key == id)
        && query.model.as_ref().is_none_or(|model| key.model == *model)
}

fn hour_of(time: Timestamp) -> Timestamp {
    let micros = time.as_micros();
    Timestamp::from_micros(micros.saturating_sub(micros.rem_euclid(HOUR_MICROS)))
}

type Order = (
    Option<Timestamp>,
    Option<UserId>,
    Option<KeyId>,
    Option<ModelId>,
    Option<Endpoint>,
    Option<TargetId>,
    Option<Vec<GroupName>>,
);

fn order(row: &ReportRow) -> Order {
    (
        row.time,
        row.user,
        row.key,
        row.model.clone(),
        row.endpoint,
        row.target.clone(),
        row.groups.clone(),
    )
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;

    crate::ledger_contract!(
        futures_executor::block_on,
        (MemoryLedger::new(crate::ledger::contract::zone()), ())
    );

    #[test]
    fn verify_finds_a_roll_up_that_was_tampered_with() {
        let ledger = MemoryLedger::default();
        let records = [
            crate::ledger::contract::record(),
            crate::ledger::contract::record(),
        ];
        futures_executor::block_on(async {
            ledger.append(&records).await.unwrap();
            ledger.lock().rollups.values_mut().next().unwrap().tokens.prompt += 1;
            assert_eq!(
                ledger.verify().await.unwrap(),
                RollupCheck {
                    checked: 2,
                    differences: 1
                }
            );
            ledger.rebuild().await.unwrap();
            assert_eq!(
                ledger.verify().await.unwrap(),
                RollupCheck {
                    checked: 2,
                    differences: 0
                }
            );
        });
    }
}
