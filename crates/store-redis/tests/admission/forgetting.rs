//! Nothing stays for ever but what is there once; and many leases that end at once end no less.

use std::time::Duration;

use deadpool_redis::redis;
use llmgw_store_redis::RedisAdmission;
use llmgw_types::{KeyId, Limit, Money, RequestId, Timestamp, Unit, Window};
use llmgw_usage::admission::contract::calendar;
use llmgw_usage::admission::{
    AdmissionStore, Charge, ReserveRequest, Reserved, Rule, Settled, SharedCounters, Subject,
};

use crate::server;

const LEASE: Duration = Duration::from_secs(60);
const DAY: i64 = 86_400;

/// Two days before a month ends in Berlin.
fn at(seconds: u64) -> Timestamp {
    let start: Timestamp = "2026-11-28T23:00:00Z".parse().unwrap();
    start.plus(Duration::from_secs(seconds))
}

fn id(number: u32) -> RequestId {
    let mut bytes = [0; 10];
    bytes[6..].copy_from_slice(&number.to_be_bytes());
    RequestId::new(at(0), bytes)
}

const CHARGE: Charge = Charge {
    requests: 1,
    tokens: 7,
    cost: Money::from_nanos(9),
};

async fn reserve(admission: &RedisAdmission, now: Timestamp, number: u32, subject: &Subject) -> Reserved {
    let request = ReserveRequest {
        id: id(number),
        now,
        lease: LEASE,
        subjects: std::slice::from_ref(subject),
        rules: &[],
        estimate: CHARGE,
    };
    admission.reserve(&request).await.unwrap()
}

fn settled(number: u32, now: Timestamp) -> Settled {
    Settled {
        id: id(number),
        reserved_at: now,
        subjects: vec![Subject::Everyone],
        actual: CHARGE,
    }
}

async fn counted(admission: &RedisAdmission, now: Timestamp, unit: Unit, window: Window) -> (u64, u64) {
    let rule = Rule {
        subject: Subject::Everyone,
        limit: Limit::new(unit, window, 1).unwrap(),
    };
    let states = admission.state(now, &[rule]).await.unwrap();
    (states[0].used, states[0].reserved)
}

/// How many seconds each key is kept, by the letter of its kind; negative: for ever.
fn kept(prefix: &str) -> Vec<(char, i64)> {
    let mut server = server::ask();
    let begins = format!("{{{prefix}}}a1:").len();
    let seconds = |key: Vec<u8>| {
        let kept = redis::cmd("TTL").arg(&key).query(&mut server).unwrap();
        (char::from(key[begins]), kept)
    };
    server::keys(prefix).into_iter().map(seconds).collect()
}

#[test]
fn everything_but_the_books_is_forgotten_in_time() {
    let options = server::options();
    let admission = RedisAdmission::new(server::open(&options), calendar());
    server::block_on(async {
        let generation = admission.begin(at(0), LEASE).await.unwrap().unwrap();
        admission.finish(at(0), generation).await.unwrap();
        for number in 0..40 {
            let key = Subject::Key(KeyId::from_bytes([u8::try_from(number).unwrap(); 16]));
            // Some before it is clear who counts them.
            let now = at(u64::from(number));
            reserve(&admission, now, number, &key).await;
            match number % 5 {
                0 => admission.settle(now, &[settled(number, now)]).await.unwrap(),
                1 => admission.release(now, id(number)).await.unwrap(),
                2 => admission.release(now, id(number + 1_000)).await.unwrap(),
                3 => {
                    let shipped = [settled(number + 2_000, at(0))];
                    admission
                        .settle_shipped(now, &shipped, Some(generation))
                        .await
                        .unwrap();
                }
                _ => {}
            }
        }
        for (kind, seconds) in kept(&options.prefix) {
            let (least, most) = match kind {
                'b' => (-1, -1),
                // Until the month is over and two days more: a request may run as long.
                's' => (3 * DAY, 4 * DAY + 60),
                'r' => (500, 4 * DAY + 60),
                'l' => (DAY, 62 * DAY),
                other => panic!("a key of kind {other}"),
            };
            assert!((least..=most).contains(&seconds), "{kind} is kept {seconds} s");
        }
        // When all leases have ended, none is noted.
        for _ in 0..2 {
            counted(&admission, at(40 * 86_400), Unit::Tokens, Window::Month).await;
        }
    });
    assert!(kept(&options.prefix).iter().all(|(kind, _)| *kind != 'l'));
}

#[test]
fn what_was_settled_is_remembered_for_minutes_and_what_was_voided_for_an_hour() {
    let options = server::options();
    let admission = RedisAdmission::new(server::open(&options), calendar());
    let of = |number: u32| {
        let key = [
            format!("{{{}}}a1:r", options.prefix).as_bytes(),
            id(number).as_bytes(),
        ]
        .concat();
        let kept: i64 = redis::cmd("TTL").arg(key).query(&mut server::ask()).unwrap();
        kept
    };
    server::block_on(async {
        let generation = admission.begin(at(0), LEASE).await.unwrap().unwrap();
        // This one may still be charged once more.
        admission.finish(at(0), generation).await.unwrap();
        for (number, now) in [(1, at(1)), (2, at(100))] {
            reserve(&admission, now, number, &Subject::Everyone).await;
            admission.settle(now, &[settled(number, now)]).await.unwrap();
        }
        admission.release(at(100), id(3)).await.unwrap();
        assert!((DAY..3 * DAY).contains(&of(1)), "{}", of(1));
        assert!((500..=600).contains(&of(2)), "{}", of(2));
        assert!((3_500..=3_600).contains(&of(3)), "{}", of(3));
        for (number, after) in [(3, 3_599), (4, 3_600)] {
            admission.release(at(200), id(number)).await.unwrap();
            let answer = reserve(&admission, at(200 + after), number, &Subject::Everyone).await;
            assert_eq!(answer == Reserved::Void, after < 3_600, "{answer:?}");
        }
    });
}

#[test]
fn a_thousand_leases_that_end_at_once_all_end() {
    const MANY: u32 = 1_000;
    let admission = server::admission();
    server::block_on(async {
        for number in 0..MANY {
            reserve(&admission, at(0), number, &Subject::Everyone).await;
        }
        let ids: Vec<_> = (0..MANY).map(id).collect();
        assert_eq!(admission.renew(at(1), &ids, LEASE).await.unwrap(), []);
        let over = at(61);
        // Whatever comes first: none of them is live, though not all are looked at yet.
        assert_eq!(
            admission.renew(over, &ids[900..], LEASE).await.unwrap(),
            ids[900..]
        );
        assert_eq!(
            reserve(&admission, over, 999, &Subject::Everyone).await,
            Reserved::Granted(vec![])
        );
        admission
            .settle(over, &[settled(998, at(0)), settled(998, at(0))])
            .await
            .unwrap();
        admission.release(over, id(997)).await.unwrap();
        for _ in 0..4 {
            counted(&admission, over, Unit::Tokens, Window::Hour).await;
        }
        assert_eq!(
            counted(&admission, over, Unit::InFlight, Window::None).await,
            (0, 1)
        );
        assert_eq!(counted(&admission, over, Unit::Tokens, Window::Day).await, (7, 7));
        // What lapsed is still charged, once.
        for _ in 0..2 {
            admission
                .settle(over, &[settled(5, at(0)), settled(997, at(0))])
                .await
                .unwrap();
        }
        assert_eq!(
            counted(&admission, over, Unit::Tokens, Window::Day).await,
            (14, 7)
        );
    });
}

#[test]
fn a_subject_is_known_through_its_month_however_often_it_is_written() {
    let options = server::options();
    let admission = RedisAdmission::new(server::open(&options), calendar());
    server::block_on(async {
        admission.seed(at(0), &[]).await.unwrap();
        for (number, now) in [
            (1, at(0)),
            (2, at(10)),
            (3, at(2 * 86_400)),
            (4, at(2 * 86_400 + 9)),
        ] {
            reserve(&admission, now, number, &Subject::Everyone).await;
            let subject = kept(&options.prefix).into_iter().find(|(kind, _)| *kind == 's');
            let wanted = if number < 3 { 4 } else { 33 };
            let (_, seconds) = subject.unwrap();
            assert!(
                (DAY * wanted - 60..=DAY * wanted + 60).contains(&seconds),
                "{number}: {seconds}"
            );
        }
    });
}

#[test]
fn many_counters_are_seeded_and_settled_in_several_steps() {
    let admission = server::admission();
    let subject = |number: u32| {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Subject::Key(KeyId::from_bytes(bytes))
    };
    server::block_on(async {
        let counters: Vec<_> = (0..700)
            .map(|number| llmgw_usage::admission::Counter {
                subject: subject(number),
                window: Window::Day,
                used: CHARGE,
            })
            .collect();
        admission.seed(at(0), &counters).await.unwrap();
        let mut batch = Vec::new();
        for number in 0..600 {
            reserve(&admission, at(20), number, &subject(number)).await;
            batch.push(settled(number, at(20)));
        }
        admission.settle(at(21), &batch).await.unwrap();
        for (number, wanted) in [(0, 14), (599, 14), (699, 7)] {
            let rule = Rule {
                subject: subject(number),
                limit: Limit::new(Unit::Tokens, Window::Day, 1).unwrap(),
            };
            let states = admission.state(at(22), &[rule]).await.unwrap();
            assert_eq!((states[0].used, states[0].reserved), (wanted, 0), "{number}");
        }
    });
}
