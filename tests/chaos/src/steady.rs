//! A steady load, and what its clients saw.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::session::{SMALL, Session};
use crate::world::World;

const SESSIONS: u32 = 30;

/// Numbers of clients, so that none comes from where another did.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// What the clients saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Answers by status; 0 where there was none.
    pub(crate) statuses: BTreeMap<u16, u64>,
    times: Vec<Duration>,
}

impl Seen {
    /// Requests that were not answered well.
    pub(crate) fn errors(&self) -> u64 {
        self.statuses
            .iter()
            .filter(|(status, _)| **status != 200)
            .map(|(_, count)| count)
            .sum()
    }

    pub(crate) fn good(&self) -> u64 {
        self.statuses.get(&200).copied().unwrap_or_default()
    }

    /// The time within which so many of a thousand were answered, in milliseconds.
    pub(crate) fn within(&mut self, of_a_thousand: usize) -> f64 {
        self.times.sort_unstable();
        let at = (self.times.len() * of_a_thousand / 1_000).min(self.times.len().saturating_sub(1));
        self.times
            .get(at)
            .map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.times.extend(other.times);
    }

    /// One line for people.
    pub(crate) fn line(&mut self, what: &str) -> String {
        format!(
            "{what:<28} {:>8} answered, {} otherwise, p50 {:.1} ms, p99 {:.1} ms, longest {:.0} ms",
            self.good(),
            self.errors(),
            self.within(500),
            self.within(990),
            self.within(1_000),
        )
    }
}

/// A number for a client.
pub(crate) fn next_client() -> u32 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// `rate` requests a second over all gateways for `time`, with `key`.
pub(crate) async fn steady(world: &World, key: &str, rate: u32, time: Duration) -> Seen {
    let mut clients = JoinSet::new();
    let began = Instant::now();
    let every = Duration::from_secs(u64::from(SESSIONS)) / rate;
    let addresses: Vec<_> = world
        .gateways
        .iter()
        .filter_map(|gateway| gateway.address())
        .collect();
    for number in 0..SESSIONS {
        let at = addresses[number as usize % addresses.len()];
        let (mut session, key) = (Session::new(at, next_client()), key.to_owned());
        clients.spawn(async move {
            let mut ticks = interval_at(began + every * number / SESSIONS, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut seen = Seen::default();
            while began.elapsed() < time {
                ticks.tick().await;
                let (status, took) = session.ask(&key, SMALL).await.unwrap_or((0, time));
                *seen.statuses.entry(status).or_default() += 1;
                seen.times.push(took);
            }
            seen
        });
    }
    let mut all = Seen::default();
    clients
        .join_all()
        .await
        .into_iter()
        .for_each(|seen| all.merge(seen));
    all
}
