//! Sums over hours and dimensions.

use llmgw_types::{Money, Timestamp, TokenUsage, UserId};

use super::expected::{WORKS, assert_report};
use super::fresh::{at, group, record_of, target, user_id, varied};
use crate::ledger::{Bucket, Dimension, End, ReportQuery, ReportRow, ReportTotal, UsageLedger, UsageRecord};

const DIMENSIONS: [Dimension; 6] = [
    Dimension::User,
    Dimension::Key,
    Dimension::Model,
    Dimension::Endpoint,
    Dimension::Target,
    Dimension::Groups,
];

/// Requests, each kind of token, and cost.
pub async fn a_report_sums_everything(ledger: &dyn UsageLedger) {
    let user = user_id();
    let one = record_of(user, at("2027-01-15T08:00:00Z"));
    let tokens = TokenUsage {
        prompt: 1_000,
        cached: 200,
        completion: 30,
        reasoning: 4,
    };
    let cost = Money::from_nanos(-23);
    let two = UsageRecord {
        tokens,
        cost,
        ..record_of(user, at("2027-02-01T00:00:00Z"))
    };
    ledger.append(&[one, two]).await.expect(WORKS);
    let total = ReportTotal {
        requests: 2,
        charged: 2,
        tokens: TokenUsage {
            prompt: 1_011,
            cached: 205,
            completion: 37,
            reasoning: 7,
        },
        cost: Money::from_nanos(100),
    };
    assert_eq!(
        ledger.report(&of(user)).await.expect(WORKS),
        [ReportRow {
            total,
            ..ReportRow::default()
        }]
    );
}

/// What failed before a byte of an answer came is a record without a charge.
pub async fn failures_given_back_are_counted_but_not_charged(ledger: &dyn UsageLedger) {
    let user = user_id();
    let none = TokenUsage::default();
    let ends = [End::UpstreamError, End::Complete, End::ClientGone, End::Crashed];
    let mut records = ends
        .map(|end| UsageRecord {
            end,
            tokens: none,
            ..record_of(user, at("2027-01-15T08:00:00Z"))
        })
        .to_vec();
    let broken_off = UsageRecord {
        end: End::UpstreamError,
        ..record_of(user, at("2027-01-15T08:00:00Z"))
    };
    records.push(broken_off);
    ledger.append(&records).await.expect(WORKS);
    let rows = ledger.report(&of(user)).await.expect(WORKS);
    assert_eq!((rows[0].total.requests, rows[0].total.charged), (5, 4));
}

/// All 64 sets of dimensions with all three buckets.
pub async fn every_combination_of_dimensions_and_buckets_adds_up(ledger: &dyn UsageLedger) {
    let user = user_id();
    let records = varied(user);
    ledger.append(&records).await.expect(WORKS);
    for set in 0..1_u32 << DIMENSIONS.len() {
        for bucket in [Bucket::None, Bucket::Hour, Bucket::Day] {
            // Asked for in reverse: the order of rows does not depend on it.
            let mut by: Vec<_> = (0..)
                .zip(DIMENSIONS)
                .filter(|(n, _)| set >> n & 1 == 1)
                .map(|(_, d)| d)
                .collect();
            by.reverse();
            assert_report(
                ledger,
                &ReportQuery {
                    by,
                    bucket,
                    ..of(user)
                },
                &records,
            )
            .await;
        }
    }
}

/// The last microsecond of an hour belongs to it, the first of the next does not.
pub async fn hours_are_cut_at_the_full_hour(ledger: &dyn UsageLedger) {
    let user = user_id();
    let times = [
        "2027-01-15T08:00:00Z",
        "2027-01-15T08:59:59.999999Z",
        "2027-01-15T09:00:00Z",
    ];
    ledger
        .append(&times.map(|time| record_of(user, at(time))))
        .await
        .expect(WORKS);
    let hours = requests_by(ledger, &of(user), Bucket::Hour).await;
    assert_eq!(
        hours,
        [(at("2027-01-15T08:00:00Z"), 2), (at("2027-01-15T09:00:00Z"), 1)]
    );
}

/// 23:00 UTC is midnight in winter, 22:00 UTC in summer.
pub async fn days_begin_at_midnight_of_the_zone(ledger: &dyn UsageLedger) {
    let user = user_id();
    let times = [
        "2027-01-15T22:59:59.999999Z",
        "2027-01-15T23:00:00Z",
        "2027-07-15T21:59:59.999999Z",
        "2027-07-15T22:00:00Z",
    ];
    ledger
        .append(&times.map(|time| record_of(user, at(time))))
        .await
        .expect(WORKS);
    let days = requests_by(ledger, &of(user), Bucket::Day).await;
    let begin = |text| (at(text), 1);
    let expected = [
        begin("2027-01-14T23:00:00Z"),
        begin("2027-01-15T23:00:00Z"),
        begin("2027-07-14T22:00:00Z"),
        begin("2027-07-15T22:00:00Z"),
    ];
    assert_eq!(days, expected);
}

/// The days on which clocks change are calendar days like others.
pub async fn days_of_23_and_25_hours_are_days(ledger: &dyn UsageLedger) {
    let user = user_id();
    let hours = |from: &str, count: u64| {
        let from = at(from);
        (0..count).map(move |n| record_of(user, from.plus(std::time::Duration::from_secs(n * 3_600))))
    };
    let mut records: Vec<_> = hours("2027-03-27T23:00:00Z", 24).collect();
    records.extend(hours("2027-10-30T22:00:00Z", 26));
    ledger.append(&records).await.expect(WORKS);
    let days = requests_by(ledger, &of(user), Bucket::Day).await;
    let expected = [
        (at("2027-03-27T23:00:00Z"), 23),
        (at("2027-03-28T22:00:00Z"), 1),
        (at("2027-10-30T22:00:00Z"), 25),
        (at("2027-10-31T23:00:00Z"), 1),
    ];
    assert_eq!(days, expected);
}

/// `from` down, `to` up; a `to` on the full hour does not begin it.
pub async fn from_and_to_are_cut_to_whole_hours(ledger: &dyn UsageLedger) {
    let user = user_id();
    let times = [
        "2027-01-15T07:59:59Z",
        "2027-01-15T08:10:00Z",
        "2027-01-15T09:10:00Z",
        "2027-01-15T10:00:00Z",
    ];
    ledger
        .append(&times.map(|time| record_of(user, at(time))))
        .await
        .expect(WORKS);
    let cases = [
        (Some("2027-01-15T08:59:59.999999Z"), None, 3),
        (Some("2027-01-15T08:00:00Z"), None, 3),
        (Some("2027-01-15T09:00:00Z"), None, 2),
        (None, Some("2027-01-15T09:00:00Z"), 2),
        (None, Some("2027-01-15T09:00:00.000001Z"), 3),
        (None, Some("2027-01-15T10:00:00Z"), 3),
        (Some("2027-01-15T08:30:00Z"), Some("2027-01-15T08:31:00Z"), 1),
        (Some("2027-01-15T08:00:00Z"), Some("2027-01-15T08:00:00Z"), 0),
        (Some("2027-01-15T12:00:00Z"), Some("2027-01-15T07:00:00Z"), 0),
    ];
    for (from, to, requests) in cases {
        let query = ReportQuery {
            from: from.map(at),
            to: to.map(at),
            ..of(user)
        };
        let rows = ledger.report(&query).await.expect(WORKS);
        assert_eq!(rows[0].total.requests, requests, "{from:?} to {to:?}");
    }
}

/// User, key, model and time all hold at once, and alone.
pub async fn filters_narrow_together(ledger: &dyn UsageLedger) {
    let user = user_id();
    let records = varied(user);
    ledger.append(&records).await.expect(WORKS);
    let (key, model) = (records[0].key, records[0].model.clone());
    let of_key: Vec<_> = records.iter().filter(|r| r.key == key).cloned().collect();
    let of_both: Vec<_> = of_key.iter().filter(|r| r.model == model).cloned().collect();
    assert!(of_both.len() < of_key.len() && of_key.len() < records.len());
    let by = vec![Dimension::Model, Dimension::Key];
    let query = ReportQuery {
        key: Some(key),
        by,
        ..ReportQuery::default()
    };
    assert_report(ledger, &query, &of_key).await;
    assert_report(
        ledger,
        &ReportQuery {
            model: Some(model.clone()),
            ..query.clone()
        },
        &of_both,
    )
    .await;
    let stranger = ReportQuery {
        user: Some(user_id()),
        ..query
    };
    assert_report(ledger, &stranger, &[]).await;
    let of_model: Vec<_> = records.iter().filter(|r| r.model == model).cloned().collect();
    assert_report(
        ledger,
        &ReportQuery {
            model: Some(model),
            ..of(user)
        },
        &of_model,
    )
    .await;
}

/// A report comes in parts by users: from the first to the second, both with it.
pub async fn a_span_of_users_has_both_its_ends(ledger: &dyn UsageLedger) {
    let mut users = [user_id(), user_id(), user_id(), user_id()];
    users.sort_unstable();
    let all: Vec<_> = users.iter().flat_map(|user| varied(*user)).collect();
    ledger.append(&all).await.expect(WORKS);
    for (first, last) in [(0, 1), (2, 3), (1, 1), (0, 3), (1, 0)] {
        let span = (users[first], users[last]);
        let query = ReportQuery {
            users: Some(span),
            by: vec![Dimension::User, Dimension::Model],
            ..ReportQuery::default()
        };
        let within = all.iter().filter(|r| span.0 <= r.user && r.user <= span.1);
        let within: Vec<_> = within.cloned().collect();
        assert_report(ledger, &query, &within).await;
    }
}

/// A sum over nothing is zero; a list of nothing is empty.
pub async fn nothing_found_is_one_zero_row_or_none(ledger: &dyn UsageLedger) {
    let nobody = of(user_id());
    assert_eq!(ledger.report(&nobody).await.expect(WORKS), [ReportRow::default()]);
    for by in DIMENSIONS {
        let query = ReportQuery {
            by: vec![by],
            ..nobody.clone()
        };
        assert_eq!(ledger.report(&query).await.expect(WORKS), []);
    }
    for bucket in [Bucket::Hour, Bucket::Day] {
        let query = ReportQuery {
            bucket,
            ..nobody.clone()
        };
        assert_eq!(ledger.report(&query).await.expect(WORKS), []);
    }
}

/// By time, user, key, model, endpoint, target and groups, as their types are ordered, not by text.
pub async fn rows_are_in_order(ledger: &dyn UsageLedger) {
    let mut records = varied(user_id());
    records.extend(varied(user_id()));
    ledger.append(&records).await.expect(WORKS);
    let query = ReportQuery {
        by: DIMENSIONS.to_vec(),
        from: Some(at("2027-01-15T21:00:00Z")),
        to: Some(at("2027-01-18T00:00:00Z")),
        ..ReportQuery::default()
    };
    for bucket in [Bucket::None, Bucket::Hour, Bucket::Day] {
        let rows = ledger
            .report(&ReportQuery {
                bucket,
                ..query.clone()
            })
            .await
            .expect(WORKS);
        assert!(
            rows.len() > 20 && rows.is_sorted_by(|a, b| order(a) < order(b)),
            "{bucket:?}"
        );
    }
}

/// Requests that reached no target are summed up apart from those that did.
pub async fn no_target_is_a_row_of_its_own(ledger: &dyn UsageLedger) {
    let user = user_id();
    let time = at("2027-01-15T08:00:00Z");
    let records = [None, Some(target("a")), Some(target("b")), None].map(|target| UsageRecord {
        target,
        ..record_of(user, time)
    });
    ledger.append(&records).await.expect(WORKS);
    let query = ReportQuery {
        by: vec![Dimension::Target],
        ..of(user)
    };
    let rows = ledger.report(&query).await.expect(WORKS);
    let rows: Vec<_> = rows
        .into_iter()
        .map(|row| (row.target, row.total.requests))
        .collect();
    assert_eq!(rows, [(None, 2), (Some(target("a")), 1), (Some(target("b")), 1)]);
}

/// A request of a user in two groups counts once, under both together.
pub async fn a_set_of_groups_is_one_value(ledger: &dyn UsageLedger) {
    let user = user_id();
    let time = at("2027-01-15T08:00:00Z");
    let sets = [
        vec![],
        vec![group("a")],
        vec![group("a"), group("b")],
        vec![group("a,b")],
        vec![group("ab")],
        vec![group("b")],
    ];
    // Nothing else tells them apart: one key for all.
    let template = record_of(user, time);
    let records: Vec<_> = sets
        .iter()
        .map(|groups| UsageRecord {
            groups: groups.clone(),
            key: template.key,
            ..record_of(user, time)
        })
        .collect();
    ledger.append(&records).await.expect(WORKS);
    let query = ReportQuery {
        by: vec![Dimension::Groups],
        ..of(user)
    };
    let rows = ledger.report(&query).await.expect(WORKS);
    let rows: Vec<_> = rows
        .into_iter()
        .map(|row| (row.groups.unwrap_or_default(), row.total.requests))
        .collect();
    assert_eq!(rows, sets.map(|groups| (groups, 1)));
}

async fn requests_by(ledger: &dyn UsageLedger, query: &ReportQuery, bucket: Bucket) -> Vec<(Timestamp, u64)> {
    let rows = ledger
        .report(&ReportQuery {
            bucket,
            ..query.clone()
        })
        .await
        .expect(WORKS);
    rows.into_iter()
        .map(|row| (row.time.unwrap_or_default(), row.total.requests))
        .collect()
}

fn order(row: &ReportRow) -> impl PartialOrd + use<> {
    let row = row.clone();
    (
        row.time,
        row.user,
        row.key,
        row.model,
        row.endpoint,
        row.target,
        row.groups,
    )
}

fn of(user: UserId) -> ReportQuery {
    ReportQuery {
        user: Some(user),
        ..ReportQuery::default()
    }
}
