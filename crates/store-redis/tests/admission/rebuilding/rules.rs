//! Single rules of rebuilding, each by its own example: what is told quietly, and what nobody can tell.

use std::time::Duration;

use llmgw_store_redis::RedisAdmission;
use llmgw_types::{Limit, Money, RequestId, Timestamp, Unit, Window};
use llmgw_usage::admission::contract::calendar;
use llmgw_usage::admission::{
    AdmissionStore, Charge, Counter, Finish, Generation, Reservation, ReserveRequest, Reserved, Rule,
    Settled, SharedCounters, Standing, Subject,
};

use crate::server;

const LASTS: Duration = Duration::from_secs(10);
const LEASE: Duration = Duration::from_secs(60);

/// Seconds after half past the fifth minute of an hour.
fn at(seconds: u64) -> Timestamp {
    let start: Timestamp = "2026-11-18T11:05:30Z".parse().unwrap();
    start.plus(Duration::from_secs(seconds))
}

fn id(number: u8) -> RequestId {
    RequestId::new(at(0), [number; 10])
}

fn used(tokens: u64) -> Charge {
    Charge {
        requests: 1,
        tokens,
        cost: Money::ZERO,
    }
}

fn settled(number: u8, reserved_at: Timestamp, tokens: u64) -> Settled {
    Settled {
        id: id(number),
        reserved_at,
        subjects: vec![Subject::Everyone],
        actual: used(tokens),
    }
}

fn unready() -> RedisAdmission {
    RedisAdmission::new(server::open(&server::options()), calendar())
}

async fn reserve(admission: &RedisAdmission, now: Timestamp, number: u8) -> Reserved {
    let request = ReserveRequest {
        id: id(number),
        now,
        lease: LEASE,
        subjects: &[Subject::Everyone],
        rules: &[],
        estimate: used(1),
    };
    admission.reserve(&request).await.unwrap()
}

async fn admit(admission: &RedisAdmission, now: Timestamp, number: u8) {
    assert_eq!(reserve(admission, now, number).await, Reserved::Granted(vec![]));
}

async fn begin(admission: &RedisAdmission, now: Timestamp) -> Generation {
    admission
        .begin(now, LASTS)
        .await
        .unwrap()
        .expect("nobody rebuilds")
}

/// Counters that stand on an empty ledger.
async fn rebuild(admission: &RedisAdmission, now: Timestamp) -> Generation {
    let generation = begin(admission, now).await;
    assert_eq!(admission.finish(now, generation).await.unwrap(), Finish::Ready);
    generation
}

/// Used and reserved tokens of all in this window.
async fn counted(admission: &RedisAdmission, now: Timestamp, window: Window) -> (u64, u64) {
    let rule = Rule {
        subject: Subject::Everyone,
        limit: Limit::new(Unit::Tokens, window, 1).unwrap(),
    };
    let states = admission.state(now, &[rule]).await.unwrap();
    (states[0].used, states[0].reserved)
}

async fn is_doubted(admission: &RedisAdmission, now: Timestamp) -> bool {
    let standing = admission.standing(now).await.unwrap();
    matches!(standing, Standing::Ready { doubted: true, .. })
}

#[test]
fn what_a_guard_settled_and_the_shipper_appended_is_quiet() {
    let admission = unready();
    server::block_on(async {
        let generation = rebuild(&admission, at(0)).await;
        for (number, now) in [(1, at(1)), (2, at(100))] {
            admit(&admission, now, number).await;
            let settled = [settled(number, now, 5)];
            admission.settle(now, &settled).await.unwrap();
            admission
                .settle_shipped(now, &settled, Some(generation))
                .await
                .unwrap();
        }
        // Its guard was lost.
        admit(&admission, at(101), 3).await;
        let lost = [settled(3, at(101), 5)];
        admission
            .settle_shipped(at(102), &lost, Some(generation))
            .await
            .unwrap();
        assert!(!is_doubted(&admission, at(103)).await);
        assert_eq!(counted(&admission, at(103), Window::Hour).await, (15, 0));
    });
}

#[test]
fn a_second_delivery_is_quiet_also_after_a_rebuild() {
    let admission = unready();
    server::block_on(async {
        let first = rebuild(&admission, at(0)).await;
        for number in [1, 2] {
            admit(&admission, at(1), number).await;
        }
        // The guard of the second is lost.
        let records = [settled(1, at(1), 5), settled(2, at(1), 7)];
        admission.settle(at(2), &records[..1]).await.unwrap();
        admission
            .settle_shipped(at(3), &records, Some(first))
            .await
            .unwrap();
        admission.settle_shipped(at(4), &records, None).await.unwrap();
        assert!(!is_doubted(&admission, at(4)).await);
        assert_eq!(counted(&admission, at(4), Window::Hour).await, (12, 0));
        rebuild(&admission, at(5)).await;
        admission.settle_shipped(at(6), &records, None).await.unwrap();
        assert!(!is_doubted(&admission, at(6)).await);
        // This reading of the ledger has them, as far as this test is concerned.
        assert_eq!(counted(&admission, at(6), Window::Hour).await, (0, 0));
    });
}

#[test]
fn a_first_delivery_that_was_appended_nobody_knows_when_is_quiet_where_it_was_reserved_later() {
    let admission = unready();
    server::block_on(async {
        rebuild(&admission, at(0)).await;
        admit(&admission, at(60), 1).await;
        admit(&admission, at(60), 2).await;
        let guarded = settled(1, at(60), 5);
        admission
            .settle(at(61), std::slice::from_ref(&guarded))
            .await
            .unwrap();
        let both = [guarded, settled(2, at(60), 7)];
        admission.settle_shipped(at(62), &both, None).await.unwrap();
        assert!(!is_doubted(&admission, at(62)).await);
        assert_eq!(counted(&admission, at(62), Window::Hour).await, (12, 0));
    });
}

#[test]
fn one_record_of_which_nobody_can_tell_raises_doubt_once() {
    let admission = unready();
    server::block_on(async {
        let unknown = [settled(1, at(0), 5)];
        rebuild(&admission, at(1)).await;
        admission.settle_shipped(at(2), &unknown, None).await.unwrap();
        assert!(is_doubted(&admission, at(2)).await);
        rebuild(&admission, at(3)).await;
        admission.settle_shipped(at(4), &unknown, None).await.unwrap();
        assert!(!is_doubted(&admission, at(4)).await);
    });
}

#[test]
fn what_is_given_back_whole_never_raises_doubt() {
    let admission = unready();
    server::block_on(async {
        rebuild(&admission, at(1)).await;
        admit(&admission, at(2), 2).await;
        let nothing = |number| Settled {
            actual: Charge::default(),
            ..settled(number, at(0), 0)
        };
        admission
            .settle_shipped(at(3), &[nothing(1), nothing(2)], None)
            .await
            .unwrap();
        assert!(!is_doubted(&admission, at(3)).await);
        assert_eq!(counted(&admission, at(3), Window::Hour).await, (0, 0));
    });
}

#[test]
fn what_was_admitted_elsewhere_before_the_counters_were_ready_is_counted_when_shipped() {
    let admission = unready();
    server::block_on(async {
        assert_eq!(reserve(&admission, at(0), 1).await, Reserved::Unready);
        let generation = rebuild(&admission, at(10)).await;
        // The last by a gateway whose clock is ahead, and which did not know yet.
        let records = [settled(1, at(0), 5), settled(2, at(14), 7)];
        admission
            .settle_shipped(at(11), &records, Some(generation))
            .await
            .unwrap();
        admission
            .settle_shipped(at(12), &records, Some(generation))
            .await
            .unwrap();
        assert_eq!(counted(&admission, at(12), Window::Hour).await, (12, 0));
        assert!(!is_doubted(&admission, at(12)).await);
    });
}

#[test]
fn a_request_that_ran_through_a_rebuild_and_is_shipped_late_is_counted_once() {
    let admission = unready();
    server::block_on(async {
        rebuild(&admission, at(0)).await;
        admit(&admission, at(20), 1).await;
        let second = rebuild(&admission, at(30)).await;
        let record = [settled(1, at(20), 5)];
        admission.settle(at(31), &record).await.unwrap();
        // Most others are forgotten by now.
        let late = at(2 * 3_600);
        admission
            .settle_shipped(late, &record, Some(second))
            .await
            .unwrap();
        assert_eq!(counted(&admission, late, Window::Day).await, (5, 0));
    });
}

#[test]
fn a_release_after_a_settlement_does_not_make_it_forgotten() {
    let admission = unready();
    server::block_on(async {
        let generation = rebuild(&admission, at(0)).await;
        admit(&admission, at(1), 1).await;
        let record = [settled(1, at(1), 5)];
        admission.settle(at(2), &record).await.unwrap();
        admission.release(at(3), id(1)).await.unwrap();
        admission
            .settle_shipped(at(4), &record, Some(generation))
            .await
            .unwrap();
        assert_eq!(counted(&admission, at(4), Window::Hour).await, (5, 0));
    });
}

#[test]
fn a_settlement_while_the_ledger_is_read_stands_on_top_of_what_was_read() {
    let admission = unready();
    server::block_on(async {
        rebuild(&admission, at(0)).await;
        admit(&admission, at(1), 1).await;
        let generation = begin(&admission, at(2)).await;
        assert_eq!(reserve(&admission, at(2), 9).await, Reserved::Unready);
        assert_eq!(admission.standing(at(2)).await.unwrap(), Standing::Rebuilding);
        admission.settle(at(3), &[settled(1, at(1), 5)]).await.unwrap();
        let counter = |window| Counter {
            subject: Subject::Everyone,
            window,
            used: used(30),
        };
        // Put twice: the first for a minute that was over when the second was read.
        admission
            .put(at(2), generation, &[counter(Window::Minute)])
            .await
            .unwrap();
        let (late, wanted) = (at(40), Finish::Ready);
        admission
            .put(at(4), generation, &[counter(Window::Hour)])
            .await
            .unwrap();
        assert_eq!(admission.finish(late, generation).await.unwrap(), wanted);
        assert_eq!(admission.finish(late, generation).await.unwrap(), wanted);
        assert_eq!(counted(&admission, late, Window::Minute).await, (0, 0));
        assert_eq!(counted(&admission, late, Window::Hour).await, (35, 0));
        // Too late to put anything.
        admission
            .put(late, generation, &[counter(Window::Hour)])
            .await
            .unwrap();
        assert_eq!(counted(&admission, late, Window::Hour).await, (35, 0));
    });
}

#[test]
fn what_was_read_of_a_minute_that_is_over_is_put_nowhere() {
    let admission = unready();
    server::block_on(async {
        let generation = begin(&admission, at(0)).await;
        let minute = Counter {
            subject: Subject::Everyone,
            window: Window::Minute,
            used: used(30),
        };
        // A ledger may take longer to be read than clocks ever differ.
        assert_eq!(counted(&admission, at(95), Window::Minute).await, (0, 0));
        admission.put(at(0), generation, &[minute]).await.unwrap();
        assert_eq!(admission.finish(at(96), generation).await.unwrap(), Finish::Ready);
        assert_eq!(counted(&admission, at(96), Window::Minute).await, (0, 0));
        assert!(!is_doubted(&admission, at(96)).await);
    });
}

#[test]
fn one_rebuilds_and_the_one_who_took_too_long_is_overtaken() {
    let admission = unready();
    server::block_on(async {
        let slow = begin(&admission, at(0)).await;
        assert_eq!(admission.begin(at(9), LASTS).await.unwrap(), None);
        let next = begin(&admission, at(10)).await;
        assert!(next > slow);
        let counter = Counter {
            subject: Subject::Everyone,
            window: Window::Hour,
            used: used(30),
        };
        admission
            .put(at(11), slow, std::slice::from_ref(&counter))
            .await
            .unwrap();
        assert_eq!(admission.finish(at(11), slow).await.unwrap(), Finish::Overtaken);
        admission.put(at(11), next, &[counter]).await.unwrap();
        assert_eq!(admission.finish(at(11), next).await.unwrap(), Finish::Ready);
        assert_eq!(counted(&admission, at(11), Window::Hour).await, (30, 0));
        // Where one ended, the next may begin at once.
        begin(&admission, at(12)).await;
    });
}

#[test]
fn what_is_shipped_while_the_ledger_is_read_is_read_again() {
    let admission = unready();
    server::block_on(async {
        let first = rebuild(&admission, at(0)).await;
        let generation = begin(&admission, at(20)).await;
        let record = [settled(1, at(0), 5)];
        admission
            .settle_shipped(at(21), &record, Some(first))
            .await
            .unwrap();
        assert_eq!(
            admission.finish(at(22), generation).await.unwrap(),
            Finish::ReadAgain
        );
        assert_eq!(admission.standing(at(22)).await.unwrap(), Standing::Unready);
        rebuild(&admission, at(22)).await;
        assert!(!is_doubted(&admission, at(23)).await);
    });
}

#[test]
fn a_store_that_was_emptied_is_unready_and_has_another_generation() {
    let options = server::options();
    let admission = RedisAdmission::new(server::open(&options), calendar());
    server::block_on(async {
        assert_eq!(admission.standing(at(0)).await.unwrap(), Standing::Unready);
        let before = rebuild(&admission, at(0)).await;
        server::forget_all(&options.prefix);
        assert_eq!(admission.standing(at(1)).await.unwrap(), Standing::Unready);
        assert_eq!(reserve(&admission, at(1), 1).await, Reserved::Unready);
        assert!(rebuild(&admission, at(2)).await > before);
    });
}

#[test]
fn what_runs_is_put_back_after_the_store_was_emptied_and_what_ended_is_not() {
    let options = server::options();
    let admission = RedisAdmission::new(server::open(&options), calendar());
    server::block_on(async {
        rebuild(&admission, at(0)).await;
        admit(&admission, at(1), 1).await;
        server::forget_all(&options.prefix);
        rebuild(&admission, at(2)).await;
        let running = [1, 2, 3].map(|number| Reservation {
            id: id(number),
            reserved_at: at(1),
            subjects: vec![Subject::Everyone],
            estimate: used(4),
        });
        // Of these the second ended, and the third was released, on the way.
        admit(&admission, at(2), 2).await;
        admission.settle(at(2), &[settled(2, at(2), 0)]).await.unwrap();
        admission.release(at(2), id(3)).await.unwrap();
        admission.restore(at(3), &running, LEASE).await.unwrap();
        assert_eq!(counted(&admission, at(3), Window::Hour).await, (0, 4));
        assert_eq!(
            admission
                .renew(at(4), &[id(1), id(2), id(3)], LEASE)
                .await
                .unwrap(),
            [id(2), id(3)]
        );
        // Of an hour that is over it holds nothing, and runs all the same.
        let long = Reservation {
            reserved_at: at(0).minus(Duration::from_secs(3_600)),
            ..running[0].clone()
        };
        let long = Reservation { id: id(4), ..long };
        admission.restore(at(5), &[long], LEASE).await.unwrap();
        assert_eq!(counted(&admission, at(5), Window::Hour).await, (0, 4));
        assert_eq!(counted(&admission, at(5), Window::Day).await, (0, 8));
    });
}

#[test]
fn a_clock_that_was_set_back_raises_doubt_and_one_that_is_a_little_behind_does_not() {
    let admission = unready();
    server::block_on(async {
        rebuild(&admission, at(100)).await;
        admit(&admission, at(50), 1).await;
        assert!(!is_doubted(&admission, at(100)).await);
        admit(&admission, at(30), 2).await;
        assert!(is_doubted(&admission, at(30)).await);
    });
}

#[test]
fn doubt_is_seen_until_the_next_rebuild() {
    let admission = unready();
    server::block_on(async {
        rebuild(&admission, at(0)).await;
        admission.doubt(at(1)).await.unwrap();
        assert!(is_doubted(&admission, at(2)).await);
        // It admits meanwhile.
        admit(&admission, at(2), 1).await;
        rebuild(&admission, at(3)).await;
        assert!(!is_doubted(&admission, at(4)).await);
    });
}
