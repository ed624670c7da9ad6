//! Looks after the stores, hears of changes, and keeps the limits.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::{sleep, timeout};
use llmgw_boot::config::Fault;
use llmgw_boot::{Readiness, SharedClock, SharedLimits};
use llmgw_proxy::Services;
use llmgw_store_redis::{Heard, RedisFeed, RedisStore};
use llmgw_stores::Looks;
use llmgw_types::Change;
use llmgw_usage::ledger::UsageLedger;
use tokio::sync::Notify;

use super::stores::Stores;

/// How long a look at a store may take.
const LOOK_WITHIN: Duration = Duration::from_secs(3);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the time is taken from Redis; clocks drift by some microseconds a second.
const CLOCK_EVERY: Duration = Duration::from_secs(10);

/// In microseconds.
const WORTH_TELLING: u64 = 1_000_000;

pub(crate) struct Watch {
    redis: RedisStore,
    looks: Looks,
    limits: Arc<SharedLimits>,
    ledger: Arc<dyn UsageLedger>,
    services: Arc<Services>,
    clock: Arc<SharedClock>,
}

impl Watch {
    pub(super) fn new(
        stores: &Stores,
        limits: Arc<SharedLimits>,
        (services, readiness): (&Arc<Services>, &Arc<Readiness>),
        clock: Arc<SharedClock>,
    ) -> Self {
        Self {
            redis: stores.redis.clone(),
            looks: Looks::new(stores.redis.clone(), stores.mongo.clone(), Arc::clone(readiness)),
            limits,
            ledger: Arc::clone(&stores.ledger),
            services: Arc::clone(services),
            clock,
        }
    }

    /// The first look. Returns whether what lasts can be reached. A store that is of no use is a fault.
    pub(crate) async fn begin(&self) -> Result<bool, Fault> {
        let answered = self.looks.begin().await?;
        if answered.redis {
            self.set_clock().await;
        }
        Ok(answered.mongo)
    }

    /// Waits a moment until limits are shared with the other replicas.
    pub(crate) async fn share_limits(&self) {
        if timeout(LOOK_WITHIN, self.limits.begin(&*self.ledger))
            .await
            .is_err()
        {
            tracing::warn!("limits are not shared with the other replicas yet");
        }
    }

    /// Goes on looking, listens for changes, and keeps the limits. Never ends.
    pub(crate) async fn keep(&self) {
        let live = &self.services.live;
        let lease = self.services.settings.lease;
        tokio::join!(
            self.hear(),
            self.looks.keep(),
            self.keep_time(),
            self.doubt_another_redis(),
            self.limits
                .keep(&*self.ledger, || live.reservations(&live.ids()), lease),
        );
    }

    async fn keep_time(&self) {
        loop {
            sleep(CLOCK_EVERY).await;
            self.set_clock().await;
        }
    }

    // While Redis is away the clock goes on as it was set.
    async fn set_clock(&self) {
        if let Ok(Some(ahead)) = self.clock.set_after(self.redis.time()).await
            && ahead.unsigned_abs() > WORTH_TELLING
        {
            let ahead_ms = ahead / 1_000;
            tracing::debug!(ahead_ms, "Redis's clock is ahead of this machine's");
        }
    }

    // One that took over from another, or started anew, may lack what that one had confirmed last.
    async fn doubt_another_redis(&self) {
        let mut known = None;
        loop {
            if let Ok(now) = self.redis.server().await {
                let before = known.replace(now.clone());
                if before.is_some_and(|before| before != now) {
                    tracing::warn!("another Redis answers than before; limits are counted from the ledger");
                    self.limits.doubt();
                }
            }
            sleep(PAUSE).await;
        }
    }

    // A refresh must not hold up what is heard next, and of several at once one is enough.
    async fn hear(&self) {
        let changed = Notify::new();
        let feed = RedisFeed::new(self.redis.clone());
        let hearing = feed.listen(|heard| match heard {
            Heard::Change(Change::Key(_) | Change::User(_)) => self.services.keys.forget(),
            Heard::Change(Change::Model(_) | Change::Limits) => changed.notify_one(),
            Heard::Reconnected => {
                self.services.keys.forget();
                changed.notify_one();
            }
        });
        let refreshing = async {
            loop {
                changed.notified().await;
                if let Err(error) = self.services.catalog.refresh().await {
                    tracing::debug!(%error, "a change of a model cannot be read yet");
                }
                if let Err(error) = self.services.limits.refresh().await {
                    tracing::debug!(%error, "a change of a limit cannot be read yet");
                }
            }
        };
        tokio::select! {
            never = hearing => match never {},
            () = refreshing => {}
        }
    }
}
