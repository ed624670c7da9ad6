//! Keys that nobody made cost one look-up each at most, and mistyped ones none.

use std::time::{Duration, Instant};

use llmgw_keys::KeyText;
use tokio::time::sleep;

use super::Found;
use crate::Failure;
use crate::session::{SMALL, Session};
use crate::steady::next_client;
use crate::world::World;

/// How long an unknown key is remembered.
const REMEMBERED: Duration = Duration::from_secs(5);

pub(super) async fn check(world: &World, count: usize, found: &mut Found) -> Result<(), Failure> {
    let at = world.gateways[0].address().ok_or("a gateway does not serve")?;
    let mut session = Session::new(at, next_client());
    // What gateways ask by themselves.
    let (before, began) = (world.finds().await?, Instant::now());
    sleep(Duration::from_secs(5)).await;
    let idle = (world.finds().await? - before) as f64 / began.elapsed().as_secs_f64();

    let (before, began) = (world.finds().await?, Instant::now());
    let mut asked = 0_u64;
    let mut longest_round = Duration::ZERO;
    // Rounds short enough that nothing asked in one is forgotten in it.
    for chunk in 0..count.div_ceil(500) {
        let round = Instant::now();
        let keys: Vec<KeyText> = (0..500).map(|number| unknown(chunk * 500 + number)).collect();
        for _ in 0..3 {
            for key in &keys {
                let (status, _) = session.ask(key.expose(), SMALL).await?;
                found.must(
                    matches!(status, 401 | 429),
                    format!("an unknown key got {status}"),
                );
                asked += 1;
            }
        }
        longest_round = longest_round.max(round.elapsed());
    }
    let own = idle * began.elapsed().as_secs_f64();
    let finds = (world.finds().await? - before) as f64 - own;
    let keys = count.div_ceil(500) * 500;
    found.say(format!(
        "{asked} requests with {keys} unknown keys: {finds:.0} look-ups in MongoDB (and {own:.0} by the gateways for themselves)"
    ));
    found.must(
        longest_round < REMEMBERED,
        "the rounds were too long to say anything",
    );
    found.must(
        finds <= keys as f64 * 1.01,
        "an unknown key was looked up more than once in five seconds",
    );

    let (before, began) = (world.finds().await?, Instant::now());
    for number in 0..1_000 {
        let mut mistyped = unknown(number).expose().to_owned();
        let last = if mistyped.ends_with('0') { '1' } else { '0' };
        mistyped.pop();
        mistyped.push(last);
        let (status, _) = session.ask(&mistyped, SMALL).await?;
        found.must(
            matches!(status, 401 | 429),
            format!("a mistyped key got {status}"),
        );
    }
    let own = idle * began.elapsed().as_secs_f64();
    let finds = (world.finds().await? - before) as f64 - own;
    found.say(format!(
        "1000 requests with mistyped keys: {:.0} look-ups",
        finds.max(0.0)
    ));
    found.must(finds < 20.0, "a mistyped key was looked up");
    Ok(())
}

fn unknown(number: usize) -> KeyText {
    let mut random = [0x5a; 32];
    random[..8].copy_from_slice(&number.to_be_bytes());
    KeyText::generate(random)
}
