//! The load: clients that ask again and again over all gateways.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{self, Ask, Outcome};
use crate::gateways::Gateway;
use crate::upstream::Plan;
use crate::world::World;

const CLIENTS: u64 = 32;

/// Longest rest of a client between two requests, in milliseconds.
const REST: u64 = 120;

/// Sends `requests` and returns what became of each.
pub(crate) async fn load(world: &World, seed: u64, requests: u64) -> Vec<Outcome> {
    let keys: Arc<Vec<String>> = Arc::new(world.keys.iter().map(|key| key.text.clone()).collect());
    let next = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = Client {
            random: Rng::with_seed(seed.wrapping_mul(1_000).wrapping_add(number)),
            gateways: world.gateways.clone(),
            keys: Arc::clone(&keys),
            next: Arc::clone(&next),
            requests,
        };
        clients.spawn(client.run());
    }
    clients.join_all().await.into_iter().flatten().collect()
}

struct Client {
    random: Rng,
    gateways: Vec<Arc<Gateway>>,
    keys: Arc<Vec<String>>,
    next: Arc<AtomicU64>,
    requests: u64,
}

impl Client {
    async fn run(mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        loop {
            let nonce = self.next.fetch_add(1, Ordering::Relaxed);
            if nonce >= self.requests {
                return outcomes;
            }
            let ask = self.invent(nonce);
            outcomes.push(self.send(&ask).await);
            sleep(Duration::from_millis(self.random.u64(0..REST))).await;
        }
    }

    fn invent(&mut self, nonce: u64) -> Ask {
        let plan = match self.random.u8(0..100) {
            0..6 => Plan::Die,
            6..9 => Plan::Fail,
            9..35 => Plan::Slow,
            _ => Plan::Answer,
        };
        Ask {
            nonce,
            plan,
            streamed: self.random.bool(),
            leaves_after: (self.random.u8(0..100) < 8).then(|| self.random.usize(0..600)),
            key: self.keys[self.random.usize(0..self.keys.len())].clone(),
        }
    }

    // A request that was not sent goes to another gateway: it must be sent once, by whichever takes it.
    async fn send(&mut self, ask: &Ask) -> Outcome {
        loop {
            let gateway = &self.gateways[self.random.usize(0..self.gateways.len())];
            if let Some(at) = gateway.address()
                && let Ok(outcome) = client::ask(at, ask).await
            {
                return outcome;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}
