//! Entries and records to put into a journal.

use llmgw_types::{Money, Price, RequestId, TokenSource, TokenUsage};

use super::WORKS;
use crate::journal::{OpenEntry, Progress, UsageJournal};
use crate::ledger::UsageRecord;
use crate::ledger::contract::record;

/// What is noted before the request of `record` is sent.
#[must_use]
pub fn open_entry(record: &UsageRecord) -> OpenEntry {
    OpenEntry {
        id: record.id,
        time: record.time,
        key: record.key,
        user: record.user,
        groups: record.groups.clone(),
        model: record.model.clone(),
        target: record.target.clone(),
        endpoint: record.endpoint,
        streamed: record.streamed,
        prompt_estimate: 4_321,
        price: Price {
            prompt: Money::from_nanos(2_000_000),
            cached_prompt: Money::from_nanos(1_000_000),
            completion: Money::from_nanos(6_000_000),
            unit: Money::from_nanos(9),
        },
    }
}

/// Opens and closes the request of `record`.
pub fn close(journal: &dyn UsageJournal, record: &UsageRecord) {
    journal.open(&open_entry(record)).expect(WORKS).close(record);
}

/// What was seen of an answer when `completion` tokens of it had passed.
#[must_use]
pub fn seen(completion: u64) -> Progress {
    Progress {
        tokens: TokenUsage {
            prompt: 99,
            completion,
            ..TokenUsage::default()
        },
        source: TokenSource::Estimated,
        status: 200,
        ended: false,
        elapsed_ms: 1_500,
        ttft_ms: Some(40),
    }
}

/// Closes `count` requests, one after the other, and returns their records.
pub(super) fn closed(journal: &dyn UsageJournal, count: usize) -> Vec<UsageRecord> {
    let records: Vec<_> = (0..count).map(|_| record()).collect();
    for record in &records {
        close(journal, record);
    }
    records
}

/// Takes a batch without confirming it.
pub(super) fn taken(journal: &dyn UsageJournal, max: usize) -> Vec<UsageRecord> {
    journal.next_batch(max).expect(WORKS).records
}

pub(super) fn ids(records: &[UsageRecord]) -> Vec<RequestId> {
    records.iter().map(|record| record.id).collect()
}
