//! A revoked key is refused by all gateways soon, and never comes back.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Found, Size, wide_key};
use crate::Failure;
use crate::proxy::Fault;
use crate::session::{SMALL, Session};
use crate::steady::next_client;
use crate::world::World;

/// The longest that a cache may remember a key when it hears nothing.
const UNHEARD: Duration = Duration::from_secs(30);

pub(super) async fn check(world: &World, size: Size, found: &mut Found) -> Result<(), Failure> {
    let trials = size.revocations;
    let mut times = Vec::new();
    for _ in 0..trials {
        times.push(revoke_one(world, found).await?);
    }
    times.sort_unstable();
    let at = |of_a_hundred: usize| times[(times.len() * of_a_hundred / 100).min(times.len() - 1)];
    found.say(format!(
        "{trials} keys revoked under load: 401 on all three gateways within {:?} (p50), {:?} (p99), {:?} (longest)",
        at(50),
        at(99),
        at(100)
    ));
    found.must(
        at(99) < Duration::from_secs(1),
        "a revoked key went on for more than a second",
    );

    if !size.patient {
        return Ok(());
    }
    world.redis_way.set(Fault::HalfOpen);
    let unheard = revoke_one(world, found).await?;
    world.redis_way.set(Fault::None);
    found.say(format!("with the way to Redis half open: within {unheard:?}"));
    found.must(
        unheard < UNHEARD + Duration::from_secs(5),
        "a revoked key outlived the caches",
    );
    Ok(())
}

// How long it takes until every gateway refuses it. Requests go on all the while, so that look-ups race it.
async fn revoke_one(world: &World, found: &mut Found) -> Result<Duration, Failure> {
    let key = wide_key(world).await?;
    let addresses = world.gateways.iter().filter_map(|gateway| gateway.address());
    let mut sessions: Vec<Session> = addresses.map(|at| Session::new(at, next_client())).collect();
    for session in &mut sessions {
        let (status, _) = session.ask(&key.text, SMALL).await?;
        found.must(status == 200, format!("a good key got {status}"));
    }
    world.revoke(key.id).await?;
    let revoked = Instant::now();
    let mut longest = Duration::ZERO;
    for session in &mut sessions {
        while session.ask(&key.text, SMALL).await?.0 == 200 {
            if revoked.elapsed() > UNHEARD * 2 {
                return Ok(revoked.elapsed());
            }
            sleep(Duration::from_millis(1)).await;
        }
        longest = revoked.elapsed();
    }
    for session in &mut sessions {
        for _ in 0..3 {
            let (status, _) = session.ask(&key.text, SMALL).await?;
            found.must(status != 200, "a revoked key came back");
        }
    }
    Ok(longest)
}
