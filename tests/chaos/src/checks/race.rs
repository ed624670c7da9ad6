//! Three gateways and 64 clients of each race on one budget.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use llmgw_types::{Limit, Unit, Window};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Found;
use crate::Failure;
use crate::client;
use crate::session::{SMALL, Session};
use crate::steady::next_client;
use crate::world::{Key, World};

const CLIENTS: usize = 64;

/// Limits are exact while Redis answers in time. A race in which it did not says nothing, and is run anew so often at
/// most: a machine is rarely that busy.
const AGAIN: usize = 3;

pub(super) async fn check_where_redis_answers(
    binary: &Path,
    mut world: World,
    attempts: u64,
) -> Result<(World, Found), Failure> {
    let mut again = Vec::new();
    loop {
        let mut found = Found::default();
        let before = world.times_alone().await?;
        check(&world, attempts, &mut found).await?;
        let alone = world.times_alone().await? - before;
        if alone == 0 || again.len() == AGAIN {
            found.lines.splice(0..0, again);
            return Ok((world, found));
        }
        again.push(format!(
            "not counted: gateways went {alone} times by limits of their own, because Redis was late"
        ));
        drop(world);
        world = World::start(binary).await?;
    }
}

async fn check(world: &World, attempts: u64, found: &mut Found) -> Result<(), Failure> {
    let budget = attempts / 5;
    let key = world
        .make_key(
            "race-requests",
            vec![Limit::new(Unit::Requests, Window::Day, budget)?],
        )
        .await?;
    let granted = race(world, &key, attempts, found).await?;
    let used = used_of(&settled(world, &key).await, "key");
    found.say(format!(
        "a budget of {budget} requests: {granted} granted, {used} used"
    ));
    found.must(
        granted == budget,
        format!("{budget} requests were allowed, {granted} granted"),
    );

    // Each is estimated at more than it takes, so that a few more fit in than the estimate alone allows.
    let tokens = attempts * 2;
    let key = world
        .make_key(
            "race-tokens",
            vec![Limit::new(Unit::Tokens, Window::Day, tokens)?],
        )
        .await?;
    let granted = race(world, &key, attempts, found).await?;
    let used = settled(world, &key).await;
    let used = used
        .iter()
        .map(|limit| limit["used"].as_u64().unwrap_or_default())
        .max()
        .unwrap_or_default();
    found.say(format!(
        "a budget of {tokens} tokens: {granted} granted, {used} tokens used"
    ));
    found.must(
        used <= tokens,
        format!("{tokens} tokens were allowed, {used} used"),
    );
    found.must(granted > 0, "nothing was granted");

    all_or_none(world, attempts / 4, found).await
}

// A key, its user, their group and everyone have limits; the user's is the tightest. What it refuses must not be
// counted in the others.
async fn all_or_none(world: &World, attempts: u64, found: &mut Found) -> Result<(), Failure> {
    let wide = Limit::new(Unit::Requests, Window::Day, attempts * 10)?;
    let key = world.make_key("race-all", vec![wide]).await?;
    let tight = attempts / 5;
    world
        .limit_user("race-all", Limit::new(Unit::Requests, Window::Day, tight)?)
        .await?;
    // Caches of keys must have seen it.
    sleep(Duration::from_secs(1)).await;
    let before = used_of(&settled(world, &key).await, "everyone");
    let granted = race(world, &key, attempts, found).await?;
    let limits = settled(world, &key).await;
    let (by_key, by_user) = (used_of(&limits, "key"), used_of(&limits, "user"));
    let by_group = used_of(&limits, "group");
    let by_everyone = used_of(&limits, "everyone").saturating_sub(before);
    found.say(format!(
        "limits of key, user, group and everyone at once, the user's at {tight}: {granted} granted; key {by_key}, \
         user {by_user}, group {by_group}, everyone {by_everyone}"
    ));
    let same = [by_key, by_user, by_group, by_everyone]
        .iter()
        .all(|used| *used == granted);
    found.must(
        granted == tight && same,
        "a refusal was counted somewhere, or a grant was not",
    );
    Ok(())
}

fn used_of(limits: &[Value], subject: &str) -> u64 {
    let of_subject = limits.iter().find(|limit| limit["subject"] == subject);
    of_subject
        .and_then(|limit| limit["used"].as_u64())
        .unwrap_or_default()
}

// The key's limits once nothing is reserved any more.
async fn settled(world: &World, key: &Key) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let at = world.gateways[0].address();
        let said = match at {
            Some(at) => client::get(at, "/v1/key", &key.text).await.unwrap_or_default(),
            None => Value::Null,
        };
        let limits = said["limits"].as_array().cloned().unwrap_or_default();
        let quiet = !limits.is_empty() && limits.iter().all(|limit| limit["reserved"] == 0);
        if quiet || began.elapsed() > Duration::from_secs(10) {
            return limits;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn race(world: &World, key: &Key, attempts: u64, found: &mut Found) -> Result<u64, Failure> {
    let (left, began) = (Arc::new(AtomicU64::new(attempts)), Instant::now());
    let mut clients = JoinSet::new();
    for gateway in &world.gateways {
        let at = gateway.address().ok_or("a gateway does not serve")?;
        for _ in 0..CLIENTS {
            let (left, key) = (Arc::clone(&left), key.text.clone());
            let mut session = Session::new(at, next_client());
            clients.spawn(async move {
                let (mut granted, mut odd) = (0, 0);
                while left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok()
                {
                    match session.ask(&key, SMALL).await {
                        Ok((200, _)) => granted += 1,
                        Ok((429, _)) => {}
                        _ => odd += 1,
                    }
                }
                (granted, odd)
            });
        }
    }
    let all = clients.join_all().await;
    let (granted, odd) = all
        .into_iter()
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let rate = attempts as f64 / began.elapsed().as_secs_f64();
    found.say(format!(
        "{attempts} attempts of 3 x {CLIENTS} clients at {rate:.0}/s"
    ));
    found.must(
        odd == 0,
        format!("{odd} attempts were neither granted nor refused"),
    );
    Ok(granted)
}
