//! Records come any number of times, in any order, and count once.

use std::future::Future;
use std::pin::Pin;

use llmgw_types::{Endpoint, Money, TokenSource, TokenUsage, UserId};

use super::expected::{WORKS, assert_report};
use super::fresh::{at, group, model, record, record_of, request_id, target, user_id, varied};
use crate::ledger::{End, EventQuery, ReportQuery, UsageLedger, UsageRecord};

/// Only new records are counted.
pub async fn an_append_says_how_many_were_new(ledger: &dyn UsageLedger) {
    let records = [record(), record(), record()];
    assert_eq!(ledger.append(&records[..2]).await.expect(WORKS), 2);
    assert_eq!(ledger.append(&records).await.expect(WORKS), 1);
    assert_eq!(ledger.append(&records).await.expect(WORKS), 0);
}

/// All fields survive, present or absent, also odd text.
pub async fn a_record_comes_back_as_it_was(ledger: &dyn UsageLedger) {
    let full = UsageRecord {
        groups: vec![group("cn=a, ou=\"b\""), group("größe 'x' \\ %_"), group("🔑")],
        model: model("Z/m:1@x_y-z.0"),
        target: Some(target("http://büro:1/\"'\\")),
        streamed: true,
        status: 599,
        units: 1 << 53,
        ..record()
    };
    let bare = UsageRecord {
        groups: vec![],
        target: None,
        ttft_ms: None,
        status: 0,
        duration_ms: 0,
        ..record()
    };
    ledger.append(&[full.clone(), bare.clone()]).await.expect(WORKS);
    assert_kept(ledger, &full).await;
    assert_kept(ledger, &bare).await;
}

/// Every endpoint, end and source is told apart.
pub async fn every_word_a_record_can_hold_comes_back(ledger: &dyn UsageLedger) {
    let mut records = Vec::new();
    records.extend(Endpoint::ALL.map(|endpoint| UsageRecord { endpoint, ..record() }));
    let ends = [End::Complete, End::ClientGone, End::UpstreamError, End::Crashed];
    records.extend(ends.map(|end| UsageRecord { end, ..record() }));
    let sources = [
        TokenSource::Reported,
        TokenSource::Counted,
        TokenSource::Estimated,
    ];
    records.extend(sources.map(|source| UsageRecord { source, ..record() }));
    ledger.append(&records).await.expect(WORKS);
    for record in &records {
        assert_kept(ledger, record).await;
    }
}

/// Counts up to 2^53, where JSON numbers end, and their sums are exact.
pub async fn the_largest_numbers_are_exact(ledger: &dyn UsageLedger) {
    const MOST: u64 = 1 << 53;
    let user = user_id();
    let records = [-(1 << 53), 1 << 53, 1].map(|nanos| UsageRecord {
        tokens: TokenUsage {
            prompt: MOST,
            cached: MOST - 1,
            completion: MOST,
            reasoning: 1,
        },
        cost: Money::from_nanos(nanos),
        status: u16::MAX,
        ttft_ms: Some(u32::MAX),
        duration_ms: u32::MAX,
        ..record_of(user, at("2027-01-15T08:00:00Z"))
    });
    ledger.append(&records[..2]).await.expect(WORKS);
    ledger.append(&records[2..]).await.expect(WORKS);
    for record in &records {
        assert_kept(ledger, record).await;
    }
    assert_report(ledger, &of(user), &records).await;
}

/// Neither at once nor after others came.
pub async fn appending_again_changes_nothing(ledger: &dyn UsageLedger) {
    let user = user_id();
    let records = varied(user);
    for _ in 0..3 {
        ledger.append(&records).await.expect(WORKS);
        ledger.append(&[record()]).await.expect(WORKS);
    }
    assert_report(ledger, &of(user), &records).await;
}

/// A later record with the same id is not kept and not counted, whatever it says.
pub async fn the_first_record_of_an_id_stays(ledger: &dyn UsageLedger) {
    let first = record();
    let later = UsageRecord {
        id: first.id,
        ..record()
    };
    assert_eq!(ledger.append(std::slice::from_ref(&first)).await.expect(WORKS), 1);
    assert_eq!(ledger.append(&[later.clone(), record()]).await.expect(WORKS), 1);
    assert_kept(ledger, &first).await;
    assert_report(ledger, &of(first.user), &[first]).await;
    assert_eq!(
        ledger.report(&of(later.user)).await.expect(WORKS)[0]
            .total
            .requests,
        0
    );
}

/// What was there is left out of the roll-ups, wherever in the batch it stands.
pub async fn a_mixed_batch_adds_only_what_is_new(ledger: &dyn UsageLedger) {
    let user = user_id();
    let records = varied(user);
    let there: Vec<_> = records.iter().step_by(3).cloned().collect();
    assert_eq!(ledger.append(&there).await.expect(WORKS), there.len());
    assert_eq!(
        ledger.append(&records).await.expect(WORKS),
        records.len() - there.len()
    );
    assert_report(ledger, &of(user), &records).await;
}

/// The first of several records with one id in one batch is kept.
pub async fn twins_within_a_batch_count_once(ledger: &dyn UsageLedger) {
    let user = user_id();
    let mut records = varied(user);
    records.truncate(10);
    let late = UsageRecord {
        status: 500,
        cost: Money::from_nanos(1 << 40),
        ..records[4].clone()
    };
    let mut batch = records.clone();
    batch.extend(records.clone());
    batch.push(late);
    assert_eq!(ledger.append(&batch).await.expect(WORKS), records.len());
    assert_report(ledger, &of(user), &records).await;
    assert_kept(ledger, &records[4]).await;
}

/// Forwards in one batch, backwards one by one, and in between.
pub async fn the_order_of_appends_does_not_matter(ledger: &dyn UsageLedger) {
    let users = [user_id(), user_id(), user_id()];
    let template = varied(users[0]);
    for (way, user) in users.into_iter().enumerate() {
        let mut records: Vec<_> = template
            .iter()
            .map(|r| UsageRecord {
                user,
                id: request_id(r.time),
                ..r.clone()
            })
            .collect();
        match way {
            0 => {
                ledger.append(&records).await.expect(WORKS);
            }
            1 => {
                records.reverse();
                for record in &records {
                    ledger.append(std::slice::from_ref(record)).await.expect(WORKS);
                }
            }
            _ => {
                records.rotate_left(17);
                for batch in records.chunks(7) {
                    ledger.append(batch).await.expect(WORKS);
                }
            }
        }
        assert_report(ledger, &of(user), &records).await;
    }
}

/// An empty batch is no error.
pub async fn an_empty_append_is_nothing(ledger: &dyn UsageLedger) {
    assert_eq!(ledger.append(&[]).await.expect(WORKS), 0);
}

/// Runs a future to its end.
pub type BlockOn<'a> = &'a (dyn Fn(Pin<Box<dyn Future<Output = usize> + Send + '_>>) -> usize + Sync);

/// Eight threads append overlapping batches; each record is new to exactly one of them.
pub fn appends_at_the_same_time_count_once(ledger: &dyn UsageLedger, block_on: BlockOn<'_>) {
    let user = user_id();
    let records: Vec<_> = (0..4).flat_map(|_| varied(user)).collect();
    let records = &records;
    let new: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| scope.spawn(move || block_on(Box::pin(append_from(ledger, records, thread * 23)))))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("an appending thread ends well"))
            .sum()
    });
    assert_eq!(new, records.len());
    let checked = async {
        assert_report(ledger, &of(user), records).await;
        0
    };
    block_on(Box::pin(checked));
}

// Two thirds of the records from `start` on, around the end.
async fn append_from(ledger: &dyn UsageLedger, records: &[UsageRecord], start: usize) -> usize {
    let mut mine = records.to_vec();
    mine.rotate_left(start % records.len());
    mine.truncate(records.len() * 2 / 3);
    let mut new = 0;
    for batch in mine.chunks(11) {
        new += ledger.append(batch).await.expect(WORKS);
    }
    new
}

async fn assert_kept(ledger: &dyn UsageLedger, record: &UsageRecord) {
    let query = EventQuery {
        id: Some(record.id),
        limit: 2,
        ..EventQuery::default()
    };
    let kept = ledger.events(&query).await.expect(WORKS);
    assert_eq!(kept, *std::slice::from_ref(record));
}

fn of(user: UserId) -> ReportQuery {
    ReportQuery {
        user: Some(user),
        ..ReportQuery::default()
    }
}
