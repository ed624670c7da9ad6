//! Breaks things at random, one or two at a time, and mends them again. All that can be decided is by the seed.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::time::sleep;

use crate::Failure;
use crate::proxy::{Fault, Proxy};
use crate::world::{GATEWAYS, World};

/// What it did and when.
#[derive(Default)]
pub(crate) struct Timeline(Mutex<Vec<String>>);

impl Timeline {
    fn note(&self, began: Instant, what: &str) {
        let line = format!("{:>7.2} s  {what}", began.elapsed().as_secs_f64());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug, Clone, Copy)]
enum Trouble {
    KillGateway(usize),
    KillRedis,
    KillMongod,
    Flush,
    FreezeRedis,
    FreezeMongod,
    Redis(Fault),
    Mongo(Fault),
}

/// Goes on until it is dropped; [`mend`] then undoes what it left broken.
pub(crate) async fn direct(
    world: &World,
    seed: u64,
    longest: Duration,
    timeline: &Timeline,
) -> Result<(), Failure> {
    let (mut random, began) = (Rng::with_seed(seed ^ 0xd1ec_7ed0), Instant::now());
    loop {
        sleep(Duration::from_millis(random.u64(200..1_500))).await;
        let one = trouble(&mut random);
        let time = length(&mut random, longest);
        timeline.note(began, &format!("{one:?} for {time:?}"));
        if random.u8(0..10) < 3 {
            let other = trouble(&mut random);
            let other_time = length(&mut random, longest);
            timeline.note(began, &format!("{other:?} for {other_time:?}, at the same time"));
            tokio::try_join!(cause(world, one, time), cause(world, other, other_time))?;
        } else {
            cause(world, one, time).await?;
        }
        timeline.note(began, "mended");
    }
}

fn length(random: &mut Rng, longest: Duration) -> Duration {
    let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random.u64(300..longest.max(301)))
}

fn trouble(random: &mut Rng) -> Trouble {
    let fault = match random.u8(0..3) {
        0 => Fault::Delay(Duration::from_millis(random.u64(20..30_000))),
        1 => Fault::Cut,
        _ => Fault::HalfOpen,
    };
    match random.u8(0..10) {
        0..3 => Trouble::KillGateway(random.usize(0..GATEWAYS)),
        3 => Trouble::KillRedis,
        4 => Trouble::KillMongod,
        5 => Trouble::Flush,
        6 => Trouble::FreezeRedis,
        7 => Trouble::FreezeMongod,
        8 => Trouble::Redis(fault),
        _ => Trouble::Mongo(fault),
    }
}

async fn cause(world: &World, trouble: Trouble, time: Duration) -> Result<(), Failure> {
    match trouble {
        Trouble::KillGateway(number) => {
            let gateway = &world.gateways[number];
            gateway.kill().await?;
            sleep(time / 4).await;
            gateway.start().await?;
        }
        Trouble::KillRedis => {
            world.redis.kill();
            sleep(time).await;
            tokio::task::block_in_place(|| world.redis.restart());
        }
        Trouble::KillMongod => {
            world.mongod.kill();
            sleep(time).await;
            tokio::task::block_in_place(|| world.mongod.restart());
        }
        // Where Redis is dead at the same time there is nothing to empty.
        Trouble::Flush => drop(world.flush().await),
        Trouble::FreezeRedis => {
            world.redis.freeze();
            sleep(time).await;
            world.redis.thaw();
        }
        Trouble::FreezeMongod => {
            world.mongod.freeze();
            sleep(time).await;
            world.mongod.thaw();
        }
        Trouble::Redis(fault) => through(&world.redis_way, fault, time).await,
        Trouble::Mongo(fault) => through(&world.mongo_way, fault, time).await,
    }
    Ok(())
}

async fn through(way: &Proxy, fault: Fault, time: Duration) {
    way.set(fault);
    sleep(time).await;
    way.set(Fault::None);
}

/// Everything runs and answers again.
pub(crate) async fn mend(world: &World) -> Result<(), Failure> {
    world.redis_way.set(Fault::None);
    world.mongo_way.set(Fault::None);
    // It may be frozen, dead, or neither.
    world.redis.thaw();
    world.mongod.thaw();
    tokio::task::block_in_place(|| {
        world.redis.restart();
        world.mongod.restart();
    });
    for gateway in &world.gateways {
        gateway.start().await?;
    }
    Ok(())
}
