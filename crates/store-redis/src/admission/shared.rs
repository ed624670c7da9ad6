//! Making the counters anew from the ledger while gateways go on. How a record is told to be counted already is
//! written where it is judged, in `settle.lua`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis;
use llmgw_types::{StoreError, Timestamp};
use llmgw_usage::admission::{Charge, Counter, Finish, Generation, Settled, SharedCounters, Standing};

use super::arguments::{self, Packed};
use super::{AT_ONCE, RedisAdmission, answers, scripts, windows};
use crate::error::{STORE, corrupt};

/// How late an answer to a simple question may be. Redis or the way to it is away then, and the connection is left.
const LATE: Duration = Duration::from_millis(200);

#[async_trait]
impl SharedCounters for RedisAdmission {
    async fn standing(&self, now: Timestamp) -> Result<Standing, StoreError> {
        let books = format!("{}b", self.base);
        let asked = redis::cmd("GET").arg(books).to_owned();
        let books: Option<Vec<u8>> = self
            .store
            .ask_aside(&asked, LATE.min(self.store.limits_timeout()))
            .await?;
        books.map_or(Ok(Standing::Unready), |books| answers::standing(&books, now))
    }

    async fn doubt(&self, now: Timestamp) -> Result<(), StoreError> {
        self.run(&scripts::DOUBT, now, []).await?;
        Ok(())
    }

    async fn begin(&self, now: Timestamp, lasts: Duration) -> Result<Option<Generation>, StoreError> {
        let lasts = Packed::default().lasting(lasts).into_bytes();
        let answer = self.run(&scripts::BEGIN, now, [lasts]).await?;
        Ok(generation(&answer))
    }

    async fn put(
        &self,
        now: Timestamp,
        generation: Generation,
        counters: &[Counter],
    ) -> Result<(), StoreError> {
        for counters in by_subject(counters).chunks(AT_ONCE) {
            self.put_some(now, generation, (false, false), counters).await?;
        }
        Ok(())
    }

    async fn finish(&self, now: Timestamp, generation: Generation) -> Result<Finish, StoreError> {
        let generation = Packed::default().whole(generation.0).into_bytes();
        let answer = self.run(&scripts::FINISH, now, [generation]).await?;
        match answer.as_slice() {
            b"R" => Ok(Finish::Ready),
            b"A" => Ok(Finish::ReadAgain),
            b"O" => Ok(Finish::Overtaken),
            _ => Err(corrupt("an answer that no finish gives")),
        }
    }

    async fn settle_shipped(
        &self,
        now: Timestamp,
        settled: &[Settled],
        seen: Option<Generation>,
    ) -> Result<(), StoreError> {
        for settled in settled.chunks(AT_ONCE) {
            let how = Packed::default().byte(1).whole(seen.map_or(0, |seen| seen.0));
            let settled = settled.iter().map(|settled| {
                let windows = self.days.windows(settled.reserved_at);
                arguments::shipped(settled, &windows)
            });
            let arguments = std::iter::once(how).chain(settled).map(Packed::into_bytes);
            self.run(&scripts::SETTLE, now, arguments).await?;
        }
        Ok(())
    }
}

impl RedisAdmission {
    /// Begin, put and finish in one step, whoever else rebuilds: or in several, between which nothing is admitted,
    /// where there are too many counters for one.
    pub(super) async fn seed_by_force(&self, now: Timestamp, counters: &[Counter]) -> Result<(), StoreError> {
        let counters = by_subject(counters);
        let mut parts = counters.chunks(AT_ONCE).peekable();
        let first = parts.next().unwrap_or_default();
        let ends = (true, parts.peek().is_none());
        let generation = self.put_some(now, Generation(0), ends, first).await?;
        let overtaken = || StoreError::unavailable(STORE, "somebody else began to rebuild the counters");
        let generation = generation.ok_or_else(overtaken)?;
        while let Some(part) = parts.next() {
            let ends = (false, parts.peek().is_none());
            self.put_some(now, generation, ends, part)
                .await?
                .ok_or_else(overtaken)?;
        }
        Ok(())
    }

    // `ends`: whether to begin before, and to be ready after.
    async fn put_some(
        &self,
        now: Timestamp,
        into: Generation,
        ends: (bool, bool),
        counters: &[(Vec<u8>, [Charge; 4])],
    ) -> Result<Option<Generation>, StoreError> {
        let how = Packed::default()
            .whole(into.0)
            .byte(u8::from(ends.0))
            .byte(u8::from(ends.1));
        let counters = counters.iter().map(|(name, used)| {
            let packed = Packed::default().short(name.len()).bytes(name);
            used.iter().fold(packed, Packed::charge)
        });
        let arguments = std::iter::once(how).chain(counters).map(Packed::into_bytes);
        let answer = self.run(&scripts::PUT, now, arguments).await?;
        Ok(generation(&answer))
    }
}

fn generation(answer: &[u8]) -> Option<Generation> {
    answers::number(answer).map(|number| Generation(number as u64))
}

fn by_subject(counters: &[Counter]) -> Vec<(Vec<u8>, [Charge; 4])> {
    let mut subjects: BTreeMap<Vec<u8>, [Charge; 4]> = BTreeMap::new();
    for counter in counters {
        if let Some(place) = windows::place(counter.window) {
            let used = subjects.entry(arguments::name(&counter.subject)).or_default();
            used[place].add(&counter.used);
        }
    }
    subjects.into_iter().collect()
}
