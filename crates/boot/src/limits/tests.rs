//! Against counters that can be away, slow, or forget everything.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use llmgw_types::{Limit, ManualClock, NoObserver, Unit, Window};
use llmgw_usage::admission::{Charge, Finish, MemoryAdmission, Subject};
use llmgw_usage::ledger::{MemoryLedger, UsageLedger};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const LEASE: Duration = Duration::from_secs(60);

/// Counters that others share, and that a test can take away.
struct Shared {
    counters: Mutex<Arc<MemoryAdmission>>,
    away: AtomicBool,
    hangs: AtomicBool,
    // So many looks come to nothing.
    late: AtomicUsize,
    // Reservations alone take so many milliseconds.
    busy: AtomicU64,
    reserves: AtomicUsize,
    generation: AtomicU64,
    ready: AtomicBool,
    doubted: AtomicBool,
    settles_wait: tokio::sync::Semaphore,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            counters: Mutex::new(Arc::new(MemoryAdmission::new(Calendar::default()))),
            away: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            late: AtomicUsize::new(0),
            busy: AtomicU64::new(0),
            reserves: AtomicUsize::new(0),
            generation: AtomicU64::new(1),
            ready: AtomicBool::new(true),
            doubted: AtomicBool::new(false),
            settles_wait: tokio::sync::Semaphore::new(1_000),
        })
    }

    fn flush(&self) {
        *self.counters.lock().unwrap() = Arc::new(MemoryAdmission::new(Calendar::default()));
        self.ready.store(false, Ordering::SeqCst);
    }

    async fn here(&self) -> Result<Arc<MemoryAdmission>, StoreError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("test", "away"));
        }
        Ok(Arc::clone(&self.counters.lock().unwrap()))
    }
}

#[async_trait]
impl AdmissionStore for Shared {
    async fn reserve(&self, request: &ReserveRequest<'_>) -> Result<Reserved, StoreError> {
        self.reserves.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(self.busy.load(Ordering::SeqCst))).await;
        let counters = self.here().await?;
        if !self.ready.load(Ordering::SeqCst) {
            return Ok(Reserved::Unready);
        }
        counters.reserve(request).await
    }

    async fn settle(&self, now: Timestamp, settled: &[Settled]) -> Result<(), StoreError> {
        let counters = self.here().await?;
        self.settles_wait.acquire().await.unwrap().forget();
        counters.settle(now, settled).await
    }

    async fn release(&self, now: Timestamp, id: RequestId) -> Result<(), StoreError> {
        self.here().await?.release(now, id).await
    }

    async fn renew(
        &self,
        now: Timestamp,
        ids: &[RequestId],
        lease: Duration,
    ) -> Result<Vec<RequestId>, StoreError> {
        self.here().await?.renew(now, ids, lease).await
    }

    // What the memory never lost it does not put back: here it may have been lost.
    async fn restore(
        &self,
        now: Timestamp,
        running: &[Reservation],
        lease: Duration,
    ) -> Result<(), StoreError> {
        let counters = self.here().await?;
        for running in running {
            let request = ReserveRequest {
                id: running.id,
                now,
                lease,
                subjects: &running.subjects,
                rules: &[],
                estimate: running.estimate,
            };
            counters.reserve(&request).await?;
        }
        Ok(())
    }

    async fn state(&self, now: Timestamp, rules: &[Rule]) -> Result<Vec<RuleState>, StoreError> {
        self.here().await?.state(now, rules).await
    }

    async fn seed(&self, now: Timestamp, counters: &[Counter]) -> Result<(), StoreError> {
        self.here().await?.seed(now, counters).await
    }
}

#[async_trait]
impl SharedCounters for Shared {
    async fn standing(&self, _: Timestamp) -> Result<Standing, StoreError> {
        self.here().await?;
        let left = self.late.load(Ordering::SeqCst);
        if left > 0 {
            self.late.store(left - 1, Ordering::SeqCst);
            return Err(StoreError::unavailable("test", "late"));
        }
        if !self.ready.load(Ordering::SeqCst) {
            return Ok(Standing::Unready);
        }
        Ok(Standing::Ready {
            generation: Generation(self.generation.load(Ordering::SeqCst)),
            doubted: self.doubted.load(Ordering::SeqCst),
        })
    }

    async fn doubt(&self, _: Timestamp) -> Result<(), StoreError> {
        self.here().await?;
        self.doubted.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn begin(&self, _: Timestamp, _: Duration) -> Result<Option<Generation>, StoreError> {
        self.here().await?;
        self.ready.store(false, Ordering::SeqCst);
        Ok(Some(Generation(
            self.generation.fetch_add(1, Ordering::SeqCst) + 1,
        )))
    }

    async fn put(&self, now: Timestamp, _: Generation, counters: &[Counter]) -> Result<(), StoreError> {
        self.here().await?.seed(now, counters).await
    }

    async fn finish(&self, _: Timestamp, _: Generation) -> Result<Finish, StoreError> {
        self.here().await?;
        self.ready.store(true, Ordering::SeqCst);
        self.doubted.store(false, Ordering::SeqCst);
        Ok(Finish::Ready)
    }

    async fn settle_shipped(
        &self,
        now: Timestamp,
        settled: &[Settled],
        _: Option<Generation>,
    ) -> Result<(), StoreError> {
        self.settle(now, settled).await
    }
}

struct World {
    shared: Arc<Shared>,
    limits: SharedLimits,
    ledger: MemoryLedger,
}

impl World {
    async fn begun(when: WhenUnavailable) -> Self {
        let shared = Shared::new();
        let world = Self {
            limits: SharedLimits::new(
                shared.clone(),
                when,
                Calendar::default(),
                Arc::new(ManualClock::at(NOW)),
                Arc::new(NoObserver),
            ),
            shared,
            ledger: MemoryLedger::default(),
        };
        world.limits.begin(&world.ledger).await;
        world
    }

    async fn reserve(&self, number: u8) -> Result<Reserved, StoreError> {
        let request = ReserveRequest {
            id: id(number),
            now: NOW,
            lease: LEASE,
            subjects: &[Subject::Everyone],
            rules: &[rule()],
            estimate: one(),
        };
        self.limits.reserve(&request).await
    }

    async fn granted(&self, number: u8) -> bool {
        matches!(self.reserve(number).await, Ok(Reserved::Granted(_)))
    }

    fn settle(&self, number: u8) {
        let settled = Settled {
            id: id(number),
            reserved_at: NOW,
            subjects: vec![Subject::Everyone],
            actual: one(),
        };
        assert!(self.limits.settle_now(NOW, &settled));
    }

    async fn beating(&self) {
        while !self.limits.pulse.beats() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn running(&self) -> u64 {
        let counters = Arc::clone(&self.shared.counters.lock().unwrap());
        counters.state(NOW, &[rule()]).await.unwrap()[0].reserved
    }

    async fn look(&self, running: &[u8]) -> bool {
        let ledger: &dyn UsageLedger = &self.ledger;
        let all = || running.iter().map(|number| reservation(*number)).collect();
        self.limits
            .look(&mut keep::Seen::default(), ledger, (&all, LEASE))
            .await
    }
}

// Two may run at a time.
fn rule() -> Rule {
    Rule {
        subject: Subject::Everyone,
        limit: Limit::new(Unit::InFlight, Window::None, 2).unwrap(),
    }
}

fn one() -> Charge {
    Charge {
        requests: 1,
        ..Charge::default()
    }
}

fn id(number: u8) -> RequestId {
    RequestId::new(NOW, [number; 10])
}

fn reservation(number: u8) -> Reservation {
    Reservation {
        id: id(number),
        reserved_at: NOW,
        subjects: vec![Subject::Everyone],
        estimate: one(),
    }
}

fn run(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(test);
}

#[test]
fn a_busy_replica_waits_and_counts_nothing_by_itself() {
    run(async {
        let world = World::begun(WhenUnavailable::Local).await;
        let keeping = world.limits.keep(&world.ledger, Vec::new, LEASE);
        let asking = async {
            world.beating().await;
            let slow = u64::try_from(HOT.as_millis()).unwrap() * 3;
            world.shared.busy.store(slow, Ordering::SeqCst);
            let (one, two, three) = tokio::join!(world.granted(1), world.granted(2), world.granted(3));
            assert_eq!(
                [one, two, three].into_iter().filter(|granted| *granted).count(),
                2
            );
            assert_eq!(world.running().await, 2);
            // Nobody at all answers: that is an outage.
            world.shared.hangs.store(true, Ordering::SeqCst);
            while world.limits.pulse.beats() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert!(world.granted(7).await, "this replica goes on by itself");
            assert_eq!(world.running().await, 2);
        };
        tokio::select! {
            () = keeping => {}
            () = asking => {}
        }
    });
}

#[test]
fn requests_wait_while_the_counters_are_made_anew() {
    run(async {
        let world = World::begun(WhenUnavailable::Local).await;
        let keeping = world.limits.keep(&world.ledger, || vec![reservation(1)], LEASE);
        let asking = async {
            world.beating().await;
            assert!(world.granted(1).await);
            world.shared.flush();
            let (two, three) = tokio::join!(world.granted(2), world.granted(3));
            assert!(two != three, "one place was left");
            assert_eq!(world.running().await, 2, "both are known to the others");
        };
        tokio::select! {
            () = keeping => {}
            () = asking => {}
        }
    });
}

#[test]
fn a_late_look_before_shipping_is_no_reason_for_doubt() {
    run(async {
        let world = World::begun(WhenUnavailable::Local).await;
        let keeping = world.limits.keep(&world.ledger, Vec::new, LEASE);
        let asking = async {
            world.beating().await;
            world.shared.late.store(1, Ordering::SeqCst);
            let seen = world.limits.before_shipping().await;
            let now = world.shared.generation.load(Ordering::SeqCst);
            assert_eq!(seen, Some(Generation(now)));
            world.shared.ready.store(false, Ordering::SeqCst);
            assert_eq!(world.limits.before_shipping().await, None);
        };
        tokio::select! {
            () = keeping => {}
            () = asking => {}
        }
    });
}

#[test]
fn an_outage_is_asked_three_times_and_then_left_alone() {
    run(async {
        let world = World::begun(WhenUnavailable::Local).await;
        world.shared.away.store(true, Ordering::SeqCst);
        assert!(world.granted(1).await && world.granted(2).await);
        assert!(!world.granted(3).await, "this replica holds the limit by itself");
        for _ in 0..10 {
            assert!(!world.granted(4).await);
        }
        assert_eq!(world.shared.reserves.load(Ordering::SeqCst), 3);
        assert!(!world.look(&[1, 2]).await);
        world.settle(1);
        assert!(world.granted(5).await, "what was settled is free");
    });
}

#[test]
fn nobody_hangs_where_the_store_does() {
    run(async {
        let world = World::begun(WhenUnavailable::Local).await;
        world.shared.hangs.store(true, Ordering::SeqCst);
        let all = async { world.granted(1).await && world.granted(2).await && !world.granted(3).await };
        // Three times 50 ms are promised; five times that is the bound.
        assert_eq!(timeout(HOT * 15, all).await, Ok(true));
    });
}

#[test]
fn refuse_and_allow_do_what_they_say() {
    run(async {
        let world = World::begun(WhenUnavailable::Refuse).await;
        world.shared.away.store(true, Ordering::SeqCst);
        assert!(matches!(
            world.reserve(1).await,
            Err(StoreError::Unavailable { .. })
        ));
        let world = World::begun(WhenUnavailable::Allow).await;
        world.shared.away.store(true, Ordering::SeqCst);
        for number in 0..9 {
            assert!(world.granted(number).await);
        }
    });
}

#[test]
fn after_an_outage_what_runs_is_known_again_and_what_was_settled_is_doubted() {
    run(async {
        let world = World::begun(WhenUnavailable::Local).await;
        world.shared.away.store(true, Ordering::SeqCst);
        for number in 0..4 {
            let _ = world.reserve(number).await;
        }
        world.settle(0);
        world.shared.away.store(false, Ordering::SeqCst);
        let generation = world.shared.generation.load(Ordering::SeqCst);
        assert!(world.look(&[1]).await);
        assert!(
            world.shared.generation.load(Ordering::SeqCst) > generation,
            "it was rebuilt"
        );
        assert_eq!(world.running().await, 1);
        assert!(world.granted(5).await && !world.granted(6).await);
    });
}

#[test]
fn a_store_that_forgot_everything_is_told_of_what_runs() {
    run(async {
        let world = World::begun(WhenUnavailable::Local).await;
        assert!(world.granted(1).await);
        world.shared.flush();
        assert!(world.granted(2).await, "by this replica alone");
        assert!(world.look(&[1, 2]).await);
        assert_eq!(world.running().await, 2);
        assert!(!world.granted(3).await);
        world.settle(1);
        world.limits.flush().await;
        assert!(world.granted(4).await);
    });
}

#[test]
fn a_client_is_not_refused_for_what_it_has_just_settled() {
    run(async {
        let world = World::begun(WhenUnavailable::Local).await;
        assert!(world.granted(1).await && world.granted(2).await);
        assert!(!world.granted(3).await);
        // Nobody pumps: the settlement waits in the queue.
        world.settle(1);
        assert!(world.granted(4).await);
    });
}

#[test]
fn a_request_that_gives_up_waiting_loses_no_settlement() {
    run(async {
        let world = World::begun(WhenUnavailable::Local).await;
        assert!(world.granted(1).await && world.granted(2).await);
        world.settle(1);
        // The store takes its time to settle, and the request none.
        world.shared.settles_wait.forget_permits(usize::MAX);
        assert!(!world.granted(3).await);
        world.shared.settles_wait.add_permits(1_000);
        world.limits.flush().await;
        assert_eq!(world.running().await, 1);
    });
}

#[test]
fn settlements_that_are_lost_are_doubted() {
    run(async {
        let world = World::begun(WhenUnavailable::Local).await;
        assert!(world.granted(1).await);
        world.settle(1);
        world.shared.away.store(true, Ordering::SeqCst);
        world.limits.flush().await;
        world.shared.away.store(false, Ordering::SeqCst);
        let generation = world.shared.generation.load(Ordering::SeqCst);
        assert!(world.look(&[]).await);
        assert!(world.shared.generation.load(Ordering::SeqCst) > generation);
    });
}

#[test]
fn counters_that_are_known_are_not_thrown_away_while_the_ledger_is_away() {
    run(async {
        let world = World::begun(WhenUnavailable::Local).await;
        assert!(world.granted(1).await);
        world.shared.doubted.store(true, Ordering::SeqCst);
        let gone = Gone;
        let none = Vec::new;
        assert!(
            world
                .limits
                .look(&mut keep::Seen::default(), &gone, (&none, LEASE))
                .await
        );
        assert!(world.shared.ready.load(Ordering::SeqCst));
        assert_eq!(world.running().await, 1);
    });
}

/// A ledger that is away.
struct Gone;

#[async_trait]
impl UsageLedger for Gone {
    async fn append(&self, _: &[llmgw_usage::ledger::UsageRecord]) -> Result<usize, StoreError> {
        Err(StoreError::unavailable("test", "away"))
    }

    async fn report(
        &self,
        _: &llmgw_usage::ledger::ReportQuery,
    ) -> Result<Vec<llmgw_usage::ledger::ReportRow>, StoreError> {
        Err(StoreError::unavailable("test", "away"))
    }

    async fn events(
        &self,
        _: &llmgw_usage::ledger::EventQuery,
    ) -> Result<Vec<llmgw_usage::ledger::UsageRecord>, StoreError> {
        Err(StoreError::unavailable("test", "away"))
    }

    async fn verify(&self) -> Result<llmgw_usage::ledger::RollupCheck, StoreError> {
        Err(StoreError::unavailable("test", "away"))
    }

    async fn rebuild(&self) -> Result<(), StoreError> {
        Err(StoreError::unavailable("test", "away"))
    }
}
