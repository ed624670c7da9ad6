//! Limits that several gateways share: each operation is one Lua script, one round trip, one step. What the
//! operations mean is said by the ports; here is how they are told to Redis. It reads no clock: `now` comes from
//! the caller.
//!
//! Numbers are doubles. Sums of tokens and of nano-units of money are exact up to 2^53 (nine million units of a
//! currency in one window); beyond that they are off by their last digits, and never wrap.

mod answers;
mod arguments;
mod scripts;
mod shared;
mod windows;

use std::time::Duration;

use async_trait::async_trait;
use llmgw_types::{RequestId, StoreError, Timestamp};
use llmgw_usage::admission::{
    AdmissionStore, Calendar, Counter, Reservation, ReserveRequest, Reserved, Rule, RuleState, Settled,
};

use crate::RedisStore;
use crate::store::Script;
use arguments::Packed;
use windows::Days;

/// Part of the names of keys: another layout of values has another one.
const LAYOUT: &str = "a1";

/// Settlements or subjects in one call. More would keep other calls waiting.
const AT_ONCE: usize = 256;

/// Counters and reservations in Redis.
#[derive(Debug)]
pub struct RedisAdmission {
    store: RedisStore,
    base: String,
    days: Days,
}

impl RedisAdmission {
    /// The counters kept in `store`, with the windows of `calendar`. All gateways must have the same.
    #[must_use]
    pub fn new(store: RedisStore, calendar: Calendar) -> Self {
        Self {
            base: store.base(LAYOUT),
            store,
            days: Days::new(calendar),
        }
    }

    async fn run(
        &self,
        script: &Script,
        now: Timestamp,
        arguments: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<Vec<u8>, StoreError> {
        let moment = arguments::moment(now, &self.days.windows(now));
        let all: Vec<_> = std::iter::once(moment).chain(arguments).collect();
        let within = self.store.limits_timeout();
        self.store.run_within(script, &self.base, &all, within).await
    }
}

#[async_trait]
impl AdmissionStore for RedisAdmission {
    async fn reserve(&self, request: &ReserveRequest<'_>) -> Result<Reserved, StoreError> {
        let arguments = arguments::reserve(request);
        let answer = self.run(&scripts::RESERVE, request.now, arguments).await?;
        answers::reserved(&answer, request.rules, &request.estimate)
    }

    async fn settle(&self, now: Timestamp, settled: &[Settled]) -> Result<(), StoreError> {
        for settled in settled.chunks(AT_ONCE) {
            let how = Packed::default().byte(0).number(0.0);
            let settled = settled.iter().map(arguments::settled);
            let arguments = std::iter::once(how).chain(settled).map(Packed::into_bytes);
            self.run(&scripts::SETTLE, now, arguments).await?;
        }
        Ok(())
    }

    async fn release(&self, now: Timestamp, id: RequestId) -> Result<(), StoreError> {
        let id = id.as_bytes().to_vec();
        self.run(&scripts::RELEASE, now, [id]).await?;
        Ok(())
    }

    async fn renew(
        &self,
        now: Timestamp,
        ids: &[RequestId],
        lease: Duration,
    ) -> Result<Vec<RequestId>, StoreError> {
        let mut away = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let lease = Packed::default().lasting(lease).into_bytes();
            let names = ids.iter().map(|id| id.as_bytes().to_vec());
            let live = self
                .run(&scripts::RENEW, now, std::iter::once(lease).chain(names))
                .await?;
            let away_now = ids.iter().zip(live).filter(|(_, live)| *live != b'1');
            away.extend(away_now.map(|(id, _)| *id));
        }
        Ok(away)
    }

    async fn restore(
        &self,
        now: Timestamp,
        running: &[Reservation],
        lease: Duration,
    ) -> Result<(), StoreError> {
        for running in running.chunks(AT_ONCE) {
            let lease = Packed::default().lasting(lease);
            let running = running.iter().map(|running| {
                let windows = self.days.windows(running.reserved_at);
                arguments::running(running, &windows)
            });
            let arguments = std::iter::once(lease).chain(running).map(Packed::into_bytes);
            self.run(&scripts::RESTORE, now, arguments).await?;
        }
        Ok(())
    }

    async fn state(&self, now: Timestamp, rules: &[Rule]) -> Result<Vec<RuleState>, StoreError> {
        let answer = self.run(&scripts::STATE, now, arguments::state(rules)).await?;
        answers::states(&answer, rules)
    }

    async fn seed(&self, now: Timestamp, counters: &[Counter]) -> Result<(), StoreError> {
        self.seed_by_force(now, counters).await
    }
}
