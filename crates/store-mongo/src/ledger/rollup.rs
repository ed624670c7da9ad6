//! One sum as a document of `usage_hourly`.

use llmgw_types::{Endpoint, GroupName, KeyId, StoreError, TargetId, UserId};
use llmgw_usage::ledger::{ReportTotal, UsageRecord};
use mongodb::bson::{Bson, DateTime, Document, doc};
use sha2::{Digest, Sha256};

use super::HOUR_MICROS;
use crate::fields::{binary, to_bson, uuid};
use crate::updates::Update;

const HOUR_MILLIS: i64 = HOUR_MICROS / 1_000;

/// Where a sum stops: two of them still add up to a whole number of the server's. One that went on would
/// become an inexact number, or an append that always fails, which would hold up all that comes after it.
pub(super) const MOST_SUM: i64 = 1 << 61;

/// The fields of a sum.
pub(super) const SUMS: [&str; 7] = [
    "requests",
    "charged",
    "prompt",
    "cached",
    "completion",
    "reasoning",
    "cost",
];

/// What a sum is over: an hour and everything a report can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Combination<'a> {
    pub(super) hour: i64,
    pub(super) user: UserId,
    pub(super) key: KeyId,
    pub(super) model: &'a str,
    pub(super) endpoint: Endpoint,
    pub(super) target: Option<&'a str>,
    pub(super) groups: &'a [GroupName],
}

impl<'a> Combination<'a> {
    pub(super) fn of(record: &'a UsageRecord) -> Self {
        Self {
            hour: record.time.as_micros().div_euclid(HOUR_MICROS),
            user: record.user,
            key: record.key,
            model: record.model.as_str(),
            endpoint: record.endpoint,
            target: record.target.as_ref().map(TargetId::as_str),
            groups: &record.groups,
        }
    }

    /// Adds `total` to this combination's document of `slot`, made where there is none.
    pub(super) fn add(&self, slot: u8, total: &ReportTotal) -> Result<Update, StoreError> {
        let mut set = Document::new();
        for (field, value) in self.fields(slot)? {
            // Literal, because a group's name may look like a field of the server's language.
            set.insert(field, doc! { "$literal": value });
        }
        for (field, value) in SUMS.into_iter().zip(sums(total)) {
            let sum = doc! { "$add": [{ "$ifNull": [format!("${field}"), 0_i64] }, value] };
            set.insert(field, doc! { "$max": [-MOST_SUM, { "$min": [MOST_SUM, sum] }] });
        }
        Ok(Update {
            filter: doc! { "_id": self.id(slot) },
            change: Bson::Array(vec![doc! { "$set": set }.into()]),
            upsert: true,
        })
    }

    /// The whole document of `slot`.
    pub(super) fn document(&self, slot: u8, total: &ReportTotal) -> Result<Document, StoreError> {
        let mut document = doc! { "_id": self.id(slot) };
        document.extend(self.fields(slot)?);
        document.extend(
            SUMS.into_iter()
                .zip(sums(total))
                .map(|(field, sum)| (field.to_owned(), sum.into())),
        );
        Ok(document)
    }

    fn fields(&self, slot: u8) -> Result<Document, StoreError> {
        Ok(doc! {
            "hour": hour_date(self.hour),
            "user": uuid(self.user.as_bytes()),
            "key": uuid(self.key.as_bytes()),
            "model": self.model,
            "endpoint": self.endpoint.as_str(),
            "target": self.target,
            "groups": to_bson(&self.groups)?,
            "slot": i32::from(slot),
        })
    }

    // The hour first, so that new documents lie together; then what stands for the rest. The texts are as long
    // as they like, an id must not be.
    fn id(&self, slot: u8) -> Bson {
        let mut hash = Sha256::new_with_prefix(self.hour.to_be_bytes());
        hash.update(self.user.as_bytes());
        hash.update(self.key.as_bytes());
        let mut text = |text: &str| {
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        };
        text(self.model);
        text(self.endpoint.as_str());
        // No target has an empty name.
        text(self.target.unwrap_or_default());
        self.groups.iter().for_each(|group| text(group.as_str()));
        let mut id = hour_bytes(self.hour).to_vec();
        id.extend_from_slice(&hash.finalize()[..16]);
        id.push(slot);
        binary(&id)
    }
}

/// Big end first. Hours before 1970 or after the year 400,000 share one.
pub(super) fn hour_bytes(hour: i64) -> [u8; 4] {
    u32::try_from(hour).unwrap_or_default().to_be_bytes()
}

pub(super) fn hour_date(hour: i64) -> DateTime {
    DateTime::from_millis(hour.saturating_mul(HOUR_MILLIS))
}

pub(super) fn hour_of(date: DateTime) -> i64 {
    date.timestamp_millis().div_euclid(HOUR_MILLIS)
}

fn sums(total: &ReportTotal) -> [i64; 7] {
    let sum = |count: u64| i64::try_from(count).unwrap_or(MOST_SUM).min(MOST_SUM);
    [
        sum(total.requests),
        sum(total.charged),
        sum(total.tokens.prompt),
        sum(total.tokens.cached),
        sum(total.tokens.completion),
        sum(total.tokens.reasoning),
        total.cost.nanos().clamp(-MOST_SUM, MOST_SUM),
    ]
}
