//! The in-memory adapter: what the port means, and the limits of a gateway that runs alone.

mod books;
mod counters;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use llmgw_types::{RequestId, StoreError, Timestamp};

use self::books::Books;
use super::{
    AdmissionStore, Calendar, Counter, Reservation, ReserveRequest, Reserved, Rule, RuleState, Settled,
};

/// Counters and reservations in this process's memory.
#[derive(Debug)]
pub struct MemoryAdmission {
    books: Mutex<Books>,
}

impl MemoryAdmission {
    /// Empty counters with the windows of `calendar`.
    #[must_use]
    pub fn new(calendar: Calendar) -> Self {
        Self {
            books: Mutex::new(Books::new(calendar, true)),
        }
    }

    /// Counters that are not known yet: every request is [`Reserved::Unready`] until they are seeded.
    #[must_use]
    pub fn unready(calendar: Calendar) -> Self {
        Self {
            books: Mutex::new(Books::new(calendar, false)),
        }
    }

    // Nothing in here panics while it holds the lock, so a poisoned one holds whole data.
    fn at(&self, now: Timestamp) -> MutexGuard<'_, Books> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.turn_to(now);
        books
    }
}

#[async_trait]
impl AdmissionStore for MemoryAdmission {
    async fn reserve(&self, request: &ReserveRequest<'_>) -> Result<Reserved, StoreError> {
        Ok(self.at(request.now).reserve(request))
    }

    async fn settle(&self, now: Timestamp, settled: &[Settled]) -> Result<(), StoreError> {
        let mut books = self.at(now);
        for settled in settled {
            books.settle(settled.id, &settled.actual);
        }
        Ok(())
    }

    fn settle_now(&self, now: Timestamp, settled: &Settled) -> bool {
        self.at(now).settle(settled.id, &settled.actual);
        true
    }

    async fn release(&self, now: Timestamp, id: RequestId) -> Result<(), StoreError> {
        self.at(now).release(id);
        Ok(())
    }

    async fn renew(
        &self,
        now: Timestamp,
        ids: &[RequestId],
        lease: Duration,
    ) -> Result<Vec<RequestId>, StoreError> {
        Ok(self.at(now).renew(ids, lease))
    }

    async fn restore(
        &self,
        now: Timestamp,
        running: &[Reservation],
        lease: Duration,
    ) -> Result<(), StoreError> {
        let mut books = self.at(now);
        for reservation in running {
            books.restore(reservation.id, lease);
        }
        Ok(())
    }

    async fn state(&self, now: Timestamp, rules: &[Rule]) -> Result<Vec<RuleState>, StoreError> {
        let books = self.at(now);
        Ok(rules.iter().map(|rule| books.state(rule)).collect())
    }

    async fn seed(&self, now: Timestamp, counters: &[Counter]) -> Result<(), StoreError> {
        self.at(now).seed(counters);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
