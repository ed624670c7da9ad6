//! Single records, newest first.

use std::time::Duration;

use llmgw_types::{RequestId, UserId};

use super::expected::WORKS;
use super::fresh::{at, model, record_of, request_id, user_id, varied};
use crate::ledger::{EventQuery, UsageLedger, UsageRecord};

/// Whatever order they came in.
pub async fn events_are_newest_first_by_id(ledger: &dyn UsageLedger) {
    let user = user_id();
    let mut records = varied(user);
    records.rotate_left(13);
    for batch in records.chunks(9) {
        ledger.append(batch).await.expect(WORKS);
    }
    records.sort_by_key(|record| std::cmp::Reverse(record.id));
    assert_eq!(ledger.events(&of(user, 1_000)).await.expect(WORKS), records);
    assert_eq!(ledger.events(&of(user, usize::MAX)).await.expect(WORKS), records);
    assert_eq!(ledger.events(&of(user, 7)).await.expect(WORKS), records[..7]);
    assert_eq!(ledger.events(&of(user, 0)).await.expect(WORKS), []);
}

/// `before` is the last id of the page before, and need not be of this user.
pub async fn pages_follow_each_other(ledger: &dyn UsageLedger) {
    let user = user_id();
    let mut records = varied(user);
    ledger.append(&records).await.expect(WORKS);
    records.sort_by_key(|record| std::cmp::Reverse(record.id));
    let (mut seen, mut before) = (Vec::new(), None);
    while seen.len() < records.len() {
        let page = ledger
            .events(&EventQuery {
                before,
                ..of(user, 8)
            })
            .await
            .expect(WORKS);
        assert!(!page.is_empty());
        before = page.last().map(|record| record.id);
        seen.extend(page);
    }
    assert_eq!(seen, records);
    assert_eq!(
        ledger
            .events(&EventQuery {
                before,
                ..of(user, 8)
            })
            .await
            .expect(WORKS),
        []
    );
    let foreign = Some(request_id(records[20].time.plus(Duration::from_millis(1))));
    let page = ledger
        .events(&EventQuery {
            before: foreign,
            ..of(user, 3)
        })
        .await
        .expect(WORKS);
    assert_eq!(page, records[20..23]);
}

/// An unknown id is an empty list.
pub async fn one_event_is_found_by_its_id(ledger: &dyn UsageLedger) {
    let records = varied(user_id());
    ledger.append(&records).await.expect(WORKS);
    let by_id = |id| EventQuery {
        id: Some(id),
        limit: 10,
        ..EventQuery::default()
    };
    assert_eq!(
        ledger.events(&by_id(records[3].id)).await.expect(WORKS),
        [records[3].clone()]
    );
    assert_eq!(
        ledger
            .events(&by_id(request_id(records[3].time)))
            .await
            .expect(WORKS),
        []
    );
    let before_itself = EventQuery {
        before: Some(records[3].id),
        ..by_id(records[3].id)
    };
    assert_eq!(ledger.events(&before_itself).await.expect(WORKS), []);
}

/// Of many keys and models at the same time, and of nobody else.
pub async fn events_of_a_user_come_from_all_keys_and_models(ledger: &dyn UsageLedger) {
    let users = [user_id(), user_id()];
    let start = at("2027-01-15T08:00:00Z");
    let records: Vec<UsageRecord> = (0..200_u64)
        .map(|n| UsageRecord {
            model: model(&format!("m{}", n % 7)),
            ..record_of(
                users[usize::from(n % 3 == 0)],
                start.plus(Duration::from_secs(n * 60)),
            )
        })
        .collect();
    ledger.append(&records).await.expect(WORKS);
    for user in users {
        let mine: Vec<_> = records
            .iter()
            .rev()
            .filter(|record| record.user == user)
            .cloned()
            .collect();
        assert_eq!(ledger.events(&of(user, 25)).await.expect(WORKS), mine[..25]);
        let next = EventQuery {
            before: Some(mine[24].id),
            ..of(user, 25)
        };
        assert_eq!(ledger.events(&next).await.expect(WORKS), mine[25..50]);
    }
    assert_eq!(ledger.events(&of(user_id(), 25)).await.expect(WORKS), []);
}

/// `from` counts itself, `to` does not; both to the microsecond.
pub async fn events_are_cut_exactly_by_time(ledger: &dyn UsageLedger) {
    let user = user_id();
    let start = at("2027-01-15T07:59:59.999990Z");
    let micros = |n| start.plus(Duration::from_micros(n));
    let records: Vec<_> = (0..20).map(|n| record_of(user, micros(n))).collect();
    ledger.append(&records).await.expect(WORKS);
    for (from, to) in [(0, 20), (5, 15), (9, 11), (10, 10), (10, 11), (12, 3), (19, 40)] {
        let query = EventQuery {
            from: Some(micros(from)),
            to: Some(micros(to)),
            ..of(user, 100)
        };
        let mut times: Vec<_> = ledger
            .events(&query)
            .await
            .expect(WORKS)
            .iter()
            .map(|record| record.time)
            .collect();
        times.reverse();
        let expected: Vec<_> = (from..to.min(20)).map(micros).collect();
        assert_eq!(times, expected, "{from} to {to}");
    }
    let open = EventQuery {
        from: Some(micros(12)),
        ..of(user, 100)
    };
    assert_eq!(ledger.events(&open).await.expect(WORKS).len(), 8);
    let open = EventQuery {
        to: Some(micros(12)),
        ..of(user, 100)
    };
    assert_eq!(ledger.events(&open).await.expect(WORKS).len(), 12);
}

/// An id is made when a request's head comes, its time is taken at admission, an upload later.
pub async fn ids_out_of_step_with_time_are_found(ledger: &dyn UsageLedger) {
    let user = user_id();
    let early = RequestId::new(at("2027-01-14T08:00:00Z"), unique(user, 1));
    let late = RequestId::new(at("2027-01-19T08:00:00Z"), unique(user, 2));
    let time = at("2027-01-17T12:30:00Z");
    let records = [
        UsageRecord {
            id: late,
            ..record_of(user, time)
        },
        record_of(user, time),
        UsageRecord {
            id: early,
            ..record_of(user, time)
        },
    ];
    ledger.append(&records).await.expect(WORKS);
    let to = Some(time.plus(Duration::from_micros(1)));
    let query = EventQuery {
        from: Some(time),
        to,
        ..of(user, 10)
    };
    assert_eq!(ledger.events(&query).await.expect(WORKS), records);
}

/// Hours whose spans of ids lie within one another: each record is found once and in the order of ids.
pub async fn hours_that_overlap_in_ids_are_told_apart(ledger: &dyn UsageLedger) {
    let user = user_id();
    let start = at("2027-01-15T08:15:00Z");
    let half_hours = |n: u64| Duration::from_secs(n * 1_800);
    // Every other id was made up to three hours before its time.
    let mut records: Vec<_> = (6..60)
        .map(|n| {
            let time = start.plus(half_hours(n));
            let early = if n % 2 == 0 { n % 7 } else { 0 };
            UsageRecord {
                id: request_id(time.minus(half_hours(early))),
                ..record_of(user, time)
            }
        })
        .collect();
    ledger.append(&records).await.expect(WORKS);
    records.sort_by_key(|record| std::cmp::Reverse(record.id));
    assert_eq!(ledger.events(&of(user, 100)).await.expect(WORKS), records);
    for (at, last) in records.iter().enumerate().take(30) {
        let next = EventQuery {
            before: Some(last.id),
            ..of(user, 3)
        };
        assert_eq!(ledger.events(&next).await.expect(WORKS), records[at + 1..at + 4]);
    }
}

/// Without a user, records of all are seen.
pub async fn events_of_everybody_are_newest_first(ledger: &dyn UsageLedger) {
    let records = [varied(user_id()), varied(user_id())].concat();
    ledger.append(&records).await.expect(WORKS);
    let newest = records.iter().map(|record| record.id).max();
    let after =
        newest.map(|id| RequestId::from_bytes((u128::from_be_bytes(*id.as_bytes()) + 1).to_be_bytes()));
    let query = EventQuery {
        before: after,
        limit: 30,
        ..EventQuery::default()
    };
    let page = ledger.events(&query).await.expect(WORKS);
    assert_eq!(page.first().map(|record| record.id), newest);
    assert!(page.len() == 30 && page.is_sorted_by(|a, b| a.id > b.id));
    let timed = EventQuery {
        from: Some(at("2027-01-16T00:00:00Z")),
        to: Some(at("2027-01-17T00:00:00Z")),
        ..query
    };
    let page = ledger.events(&timed).await.expect(WORKS);
    assert!(page.len() == 30 && page.is_sorted_by(|a, b| a.id > b.id));
    assert!(
        page.iter()
            .all(|record| Some(record.time) >= timed.from && Some(record.time) < timed.to)
    );
}

/// All filters hold at once.
pub async fn filters_that_exclude_each_other_find_nothing(ledger: &dyn UsageLedger) {
    let user = user_id();
    let records = varied(user);
    ledger.append(&records).await.expect(WORKS);
    let strange = EventQuery {
        id: Some(records[0].id),
        ..of(user_id(), 10)
    };
    assert_eq!(ledger.events(&strange).await.expect(WORKS), []);
    let early = EventQuery {
        id: Some(records[9].id),
        to: Some(records[9].time),
        ..of(user, 10)
    };
    assert_eq!(ledger.events(&early).await.expect(WORKS), []);
    let own = EventQuery {
        id: Some(records[9].id),
        from: Some(records[9].time),
        ..of(user, 10)
    };
    assert_eq!(ledger.events(&own).await.expect(WORKS), [records[9].clone()]);
}

// As unique as the user it is taken from.
fn unique(user: UserId, n: u8) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&user.as_bytes()[6..]);
    bytes[0] = n;
    bytes
}

fn of(user: UserId, limit: usize) -> EventQuery {
    EventQuery {
        user: Some(user),
        limit,
        ..EventQuery::default()
    }
}
