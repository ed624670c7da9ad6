//! The wall clock: the only place that reads it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use llmgw_types::{Clock, Timestamp};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the Clock that everything else is given"
        )]
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the Clock that everything else is given"
        )]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Answers that were longer under way say too little of the time.
const LONGEST_WAY: Duration = Duration::from_millis(100);

/// The machine's clock, set after one that several machines share: windows and leases of shared limits must mean
/// the same to all of them.
#[derive(Debug, Default)]
pub struct SharedClock {
    own: SystemClock,
    // By how many microseconds the shared clock is ahead of ours.
    ahead: AtomicI64,
}

impl SharedClock {
    /// Asks for the shared time and goes by it from then on. Returns by how many microseconds it was ahead of the
    /// machine's clock, or `None` when the answer was too long under way to be of use.
    ///
    /// # Errors
    /// What `ask` fails with.
    pub async fn set_after<E>(
        &self,
        ask: impl Future<Output = Result<Timestamp, E>>,
    ) -> Result<Option<i64>, E> {
        let (asked, began) = (self.own.now(), self.own.monotonic());
        let theirs = ask.await?;
        let way = self.own.monotonic().saturating_sub(began);
        if way > LONGEST_WAY {
            return Ok(None);
        }
        // Taken to be as long there as back.
        let ours = asked.plus(way / 2);
        let ahead = theirs.as_micros().saturating_sub(ours.as_micros());
        self.ahead.store(ahead, Ordering::Relaxed);
        Ok(Some(ahead))
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        let ahead = self.ahead.load(Ordering::Relaxed);
        Timestamp::from_micros(self.own.now().as_micros().saturating_add(ahead))
    }

    fn monotonic(&self) -> Duration {
        self.own.monotonic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn is_near(ahead: i64, hours: i64) -> bool {
        (ahead - hours * 3_600_000_000).abs() < 10_000_000
    }

    #[test]
    fn it_goes_by_the_shared_time() {
        let (clock, own) = (SharedClock::default(), SystemClock::default());
        let runtime = actix_rt::System::new();
        for (theirs, hours) in [
            (own.now().plus(HOUR), 1),
            (own.now().minus(HOUR), -1),
            (own.now(), 0),
        ] {
            let set = runtime.block_on(clock.set_after(async { Ok::<_, ()>(theirs) }));
            assert!(is_near(set.unwrap().unwrap(), hours));
            assert!(is_near(clock.now().as_micros() - own.now().as_micros(), hours));
        }
    }

    #[test]
    fn what_was_long_under_way_or_failed_changes_nothing() {
        let (clock, own) = (SharedClock::default(), SystemClock::default());
        let runtime = actix_rt::System::new();
        let late = async {
            actix_rt::time::sleep(LONGEST_WAY * 2).await;
            Ok::<_, ()>(own.now().plus(HOUR))
        };
        assert_eq!(runtime.block_on(clock.set_after(late)), Ok(None));
        assert_eq!(
            runtime.block_on(clock.set_after(async { Err("away") })),
            Err("away")
        );
        assert!(is_near(clock.now().as_micros() - own.now().as_micros(), 0));
    }
}
