//! Stores that go away under load.

use std::time::{Duration, Instant};

use llmgw_usage::ledger::{ReportQuery, UsageLedger};
use tokio::time::sleep;

use super::{Found, Size, wide_key};
use crate::Failure;
use crate::client;
use crate::proxy::Fault;
use crate::session::{SMALL, Session};
use crate::steady::{Seen, next_client, steady};
use crate::world::{Key, World};

const RATE: u32 = 200;
const MONGO_RATE: u32 = 500;

/// Redis is killed, and later only slow.
pub(super) async fn redis(world: &World, size: Size, found: &mut Found) -> Result<(), Failure> {
    let (away, phase) = (size.redis_away, size.phase);
    let key = wide_key(world).await?;
    let mut before = steady(world, &key.text, RATE, phase).await;
    found.say(before.line("Redis there"));
    world.redis.kill();
    let mut down = steady(world, &key.text, RATE, away).await;
    found.say(down.line(&format!("Redis down for {} s", away.as_secs())));
    tokio::task::block_in_place(|| world.redis.restart());
    let mut back = steady(world, &key.text, RATE, phase).await;
    found.say(back.line("Redis back"));
    world.redis_way.set(Fault::Delay(Duration::from_secs(30)));
    let mut slow = steady(world, &key.text, RATE, phase * 3).await;
    found.say(slow.line("Redis slower by 30 s"));
    world.redis_way.set(Fault::None);
    let added = down.within(990).max(slow.within(990)) - before.within(990);
    found.say(format!("added p99: {added:.1} ms"));
    let errors: u64 = [&before, &down, &back, &slow]
        .iter()
        .map(|seen| seen.errors())
        .sum();
    found.must(
        errors == 0,
        format!("{errors} requests with a known key were not answered"),
    );
    for seen in [&mut down, &mut slow] {
        found.must(seen.within(1_000) < 5_000.0, "a request hung");
    }
    let all = [before, down, back, slow]
        .into_iter()
        .map(|seen| seen.good())
        .sum();
    counted(world, &key, all, found).await
}

/// MongoDB is killed, and a gateway started meanwhile.
pub(super) async fn mongo(world: &World, size: Size, found: &mut Found) -> Result<(), Failure> {
    let (away, phase) = (size.mongo_away, size.phase);
    let key = wide_key(world).await?;
    let mut before = steady(world, &key.text, MONGO_RATE, phase).await;
    found.say(before.line("MongoDB there"));
    world.mongod.kill();
    let mut down = steady(world, &key.text, MONGO_RATE, away.mul_f32(0.9)).await;
    found.say(down.line(&format!(
        "MongoDB down for {:.0} s",
        away.mul_f32(0.9).as_secs_f32()
    )));
    // The keys that Redis remembers are known to it.
    world.gateways[2].kill().await?;
    world.gateways[2].start().await?;
    let at = world.gateways[2].address().ok_or("the gateway does not serve")?;
    let (status, _) = Session::new(at, next_client()).ask(&key.text, SMALL).await?;
    found.say(format!(
        "a gateway started meanwhile answers a known key with {status}"
    ));
    found.must(
        status == 200,
        "a gateway started while MongoDB was away does not serve a known key",
    );
    let mut later = steady(world, &key.text, MONGO_RATE, away.mul_f32(0.1)).await;
    found.say(later.line("with that gateway"));
    let errors: u64 = [&before, &down, &later].iter().map(|seen| seen.errors()).sum();
    found.must(errors == 0, format!("{errors} requests got an error"));
    let good: u64 = [&before, &down, &later]
        .iter()
        .map(|seen| seen.good())
        .sum::<u64>()
        + 1;

    tokio::task::block_in_place(|| world.mongod.restart());
    let back = Instant::now();
    while recorded(world).await.unwrap_or_default() < good && back.elapsed() < Duration::from_secs(300) {
        sleep(Duration::from_millis(100)).await;
    }
    let held = recorded(world).await?;
    found.say(format!(
        "{held} of {good} requests are in the ledger {:.1} s after MongoDB is back",
        back.elapsed().as_secs_f64()
    ));
    let in_time = back.elapsed() < Duration::from_secs(120);
    found.must(
        held == good && in_time,
        "the ledger was not complete within two minutes",
    );
    found.must(
        world.store.ledger().verify().await?.differences == 0,
        "roll-ups differ from their records",
    );
    Ok(())
}

/// Redis is emptied under load.
pub(super) async fn flush(world: &World, phase: Duration, found: &mut Found) -> Result<(), Failure> {
    let key = wide_key(world).await?;
    let mut sent = Seen::default();
    sent.merge(steady(world, &key.text, RATE, phase).await);
    let load = steady(world, &key.text, RATE, phase);
    let watching = async {
        sleep(Duration::from_secs(2)).await;
        world.flush().await?;
        let flushed = Instant::now();
        loop {
            let (used, records) = (used(world, &key).await, recorded(world).await?);
            let off = used.abs_diff(records) as f64 / records.max(1) as f64;
            // What was answered within the last moments is in one of both only.
            if used > 0 && off <= 0.01 {
                return Ok::<_, Failure>((flushed.elapsed(), off));
            }
            if flushed.elapsed() > Duration::from_secs(30) {
                return Ok((flushed.elapsed(), off));
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let (seen, watched) = tokio::join!(load, watching);
    sent.merge(seen);
    let (took, off) = watched?;
    found.say(format!(
        "emptied under {RATE} requests/s: counters within {:.2} % after {took:?}",
        off * 100.0
    ));
    found.must(
        took < Duration::from_secs(10),
        "counters were not within 1 % after 10 s",
    );
    found.must(
        sent.errors() == 0,
        format!("{} requests got an error", sent.errors()),
    );
    counted(world, &key, sent.good(), found).await
}

// In the end limits and ledger say the same.
async fn counted(world: &World, key: &Key, sent: u64, found: &mut Found) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        let (used, records) = (used(world, key).await, recorded(world).await?);
        let exact = used == sent && records == sent;
        if exact || began.elapsed() > Duration::from_secs(60) {
            found.say(format!(
                "{sent} answered, {records} in the ledger, {used} counted, after {:.1} s",
                began.elapsed().as_secs_f64()
            ));
            found.must(exact, "limits and ledger do not say the same");
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn recorded(world: &World) -> Result<u64, Failure> {
    let report = world.store.ledger().report(&ReportQuery::default()).await?;
    Ok(report.first().map(|row| row.total.requests).unwrap_or_default())
}

async fn used(world: &World, key: &Key) -> u64 {
    let Some(at) = world.gateways[0].address() else {
        return 0;
    };
    let said = client::get(at, "/v1/key", &key.text).await.unwrap_or_default();
    said["limits"][0]["used"].as_u64().unwrap_or_default()
}
