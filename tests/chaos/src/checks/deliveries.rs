//! What is delivered thrice, by three at once, counts once; and what was used is soon in reports.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use llmgw_types::{Endpoint, KeyId, ModelId, Money, RequestId, Timestamp, TokenSource, TokenUsage, UserId};
use llmgw_usage::ledger::{End, ReportQuery, UsageLedger, UsageRecord};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Found, wide_key};
use crate::Failure;
use crate::session::{SMALL, Session};
use crate::steady::next_client;
use crate::world::{LONG_AGO, World};

const RECORDS: u64 = 30_000;
const BATCH: usize = 1_000;

pub(super) async fn check(world: &World, found: &mut Found) -> Result<(), Failure> {
    let hour = an_hour_ago();
    let records: Arc<Vec<UsageRecord>> = Arc::new(
        (0..RECORDS)
            .map(|number| record(hour, number))
            .collect::<Result<_, _>>()?,
    );
    let began = Instant::now();
    let mut shippers = JoinSet::new();
    for _ in 0..3 {
        // Each a store of its own, as three gateways have.
        let (ledger, records) = (world.another_store().await?.ledger(), Arc::clone(&records));
        shippers.spawn(async move {
            for batch in records.chunks(BATCH) {
                for _ in 0..3 {
                    ledger.append(batch).await?;
                }
            }
            Ok::<_, llmgw_types::StoreError>(())
        });
    }
    for shipped in shippers.join_all().await {
        shipped?;
    }
    let ledger = world.store.ledger();
    let report = ledger.report(&ReportQuery::default()).await?;
    let total = report.first().map(|row| row.total).unwrap_or_default();
    let check = ledger.verify().await?;
    found.say(format!(
        "{RECORDS} records delivered three times by each of three shippers at once, in {:.1} s: {} are counted, {} of \
         {} roll-ups differ",
        began.elapsed().as_secs_f64(),
        total.requests,
        check.differences,
        check.checked
    ));
    let exact = total.requests == RECORDS && total.tokens.prompt == RECORDS * 10 && check.differences == 0;
    found.must(exact, "a record was lost or counted twice");
    until_visible(world, total.requests, found).await
}

async fn until_visible(world: &World, before: u64, found: &mut Found) -> Result<(), Failure> {
    let key = wide_key(world).await?;
    let at = world.gateways[0].address().ok_or("a gateway does not serve")?;
    Session::new(at, next_client()).ask(&key.text, SMALL).await?;
    let asked = Instant::now();
    loop {
        let report = world.store.ledger().report(&ReportQuery::default()).await?;
        if report.first().is_some_and(|row| row.total.requests > before) {
            break;
        }
        if asked.elapsed() > Duration::from_secs(30) {
            break;
        }
        sleep(Duration::from_millis(5)).await;
    }
    found.say(format!(
        "a request is in reports {:?} after its answer",
        asked.elapsed()
    ));
    found.must(
        asked.elapsed() < Duration::from_secs(5),
        "a record was not in reports within 5 s",
    );
    Ok(())
}

// Old enough to be over, and young enough to be kept.
fn an_hour_ago() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let hour = now.saturating_sub(Duration::from_hours(1));
    Timestamp::from_millis(i64::try_from(hour.as_millis()).unwrap_or_default())
}

fn record(began: Timestamp, number: u64) -> Result<UsageRecord, Failure> {
    let time = began.plus(Duration::from_millis(number));
    Ok(UsageRecord {
        id: RequestId::new(time, random(number)),
        time,
        key: KeyId::new(LONG_AGO, random(1)),
        user: UserId::new(LONG_AGO, random(2)),
        groups: Vec::new(),
        model: ModelId::parse("chaos")?,
        target: None,
        endpoint: Endpoint::ChatCompletions,
        status: 200,
        streamed: false,
        end: End::Complete,
        tokens: TokenUsage {
            prompt: 10,
            completion: 2,
            ..TokenUsage::default()
        },
        source: TokenSource::Reported,
        cost: Money::from_nanos(7),
        ttft_ms: None,
        duration_ms: 3,
        units: 0,
    })
}

fn random(number: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes
}
