//! Long checks of single promises, each with its figures.

mod deliveries;
mod outages;
mod race;
mod revocation;
mod unknown_keys;

use std::path::Path;
use std::time::Duration;

use llmgw_types::{Limit, Unit, Window};

use crate::Failure;
use crate::world::{Key, World};

/// What a check found: lines for people, and what was not as promised.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) lines: Vec<String>,
    pub(crate) faults: Vec<String>,
}

impl Found {
    fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn must(&mut self, holds: bool, promise: impl Into<String>) {
        if !holds {
            self.faults.push(promise.into());
        }
    }
}

/// How much of each check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Attempts of the race.
    pub(crate) attempts: u64,
    /// Keys that are revoked.
    pub(crate) revocations: usize,
    /// Keys that nobody made.
    pub(crate) unknown: usize,
    pub(crate) redis_away: Duration,
    pub(crate) mongo_away: Duration,
    /// How long a load goes on before and after.
    pub(crate) phase: Duration,
    /// Also what takes half a minute because it waits for caches to grow old.
    pub(crate) patient: bool,
}

/// All of them, one after the other, each in a world of its own.
pub(crate) async fn all(
    binary: &Path,
    size: Size,
    (only, keep): (Option<&str>, bool),
    mut tell: impl FnMut(&str, &Found),
) -> Result<bool, Failure> {
    let mut good = true;
    for name in [
        "race",
        "revocation",
        "unknown-keys",
        "flush",
        "deliveries",
        "redis-outage",
        "mongo-outage",
    ] {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let mut world = World::start(binary).await?;
        let mut found = Found::default();
        match name {
            "race" => (world, found) = race::check_where_redis_answers(binary, world, size.attempts).await?,
            "revocation" => revocation::check(&world, size, &mut found).await?,
            "unknown-keys" => unknown_keys::check(&world, size.unknown, &mut found).await?,
            "flush" => outages::flush(&world, size.phase, &mut found).await?,
            "deliveries" => deliveries::check(&world, &mut found).await?,
            "redis-outage" => outages::redis(&world, size, &mut found).await?,
            _ => outages::mongo(&world, size, &mut found).await?,
        }
        good &= found.faults.is_empty();
        if keep && !found.faults.is_empty() {
            found.say(format!("kept in {}", world.keep()));
        }
        tell(name, &found);
    }
    Ok(good)
}

/// A key whose only limits are wide.
async fn wide_key(world: &World) -> Result<Key, Failure> {
    let limit = Limit::new(Unit::Requests, Window::Day, 1_000_000_000)?;
    world.make_key("steady", vec![limit]).await
}
