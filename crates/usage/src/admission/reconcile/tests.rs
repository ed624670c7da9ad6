use futures_executor::block_on;
use llmgw_types::{
    Endpoint, GroupName, KeyId, Limit, ModelId, Money, RequestId, TokenSource, TokenUsage, Unit, UserId,
};

use super::*;
use crate::admission::{MemoryAdmission, Rule};
use crate::ledger::{End, MemoryLedger, UsageRecord};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn record(number: u8, time: &str, end: End, tokens: u64) -> UsageRecord {
    UsageRecord {
        id: RequestId::new(at(time), [number; 10]),
        time: at(time),
        key: KeyId::from_bytes([1; 16]),
        user: UserId::from_bytes([2; 16]),
        groups: vec![GroupName::parse("staff").unwrap()],
        model: ModelId::parse("m").unwrap(),
        target: None,
        endpoint: Endpoint::ChatCompletions,
        status: 200,
        streamed: false,
        end,
        tokens: TokenUsage {
            prompt: tokens,
            ..TokenUsage::default()
        },
        source: TokenSource::Reported,
        cost: Money::from_nanos(i64::try_from(tokens).unwrap() * 10),
        ttft_ms: None,
        duration_ms: 5,
        units: 0,
    }
}

fn used(zone: &str, records: &[UsageRecord], now: &str, unit: Unit) -> Vec<u64> {
    let calendar = Calendar::named(zone).unwrap();
    let (ledger, admission) = (
        MemoryLedger::default(),
        MemoryAdmission::unready(calendar.clone()),
    );
    let windows = [Window::Minute, Window::Hour, Window::Day, Window::Month];
    let rules = windows.map(|window| Rule {
        subject: Subject::Group(GroupName::parse("staff").unwrap()),
        limit: Limit::new(unit, window, 1_000).unwrap(),
    });
    block_on(async {
        ledger.append(records).await.unwrap();
        rebuild(&admission, &ledger, &calendar, at(now)).await.unwrap();
        let states = admission.state(at(now), &rules).await.unwrap();
        states.iter().map(|state| state.used).collect()
    })
}

#[test]
fn each_window_has_what_lies_in_it() {
    let records = [
        record(1, "2026-11-17T23:59:59Z", End::Complete, 1),
        record(2, "2026-11-18T00:00:00Z", End::Complete, 2),
        record(3, "2026-11-18T11:00:00Z", End::ClientGone, 4),
        record(4, "2026-11-18T11:05:59.999999Z", End::Complete, 8),
        record(5, "2026-11-18T11:06:00Z", End::Crashed, 16),
        record(6, "2026-10-31T23:59:59Z", End::Complete, 32),
    ];
    let now = "2026-11-18T11:06:40Z";
    assert_eq!(used("UTC", &records, now, Unit::Tokens), [16, 28, 30, 31]);
    assert_eq!(used("UTC", &records, now, Unit::Cost), [160, 280, 300, 310]);
    assert_eq!(used("UTC", &records, now, Unit::Requests), [1, 3, 4, 5]);
}

#[test]
fn a_day_may_begin_at_half_past() {
    // In Kolkata it is 01:06 on the 19th, and the 19th began at 18:30 UTC.
    let records = [
        record(1, "2026-11-18T18:29:59Z", End::Complete, 1),
        record(2, "2026-11-18T18:30:00Z", End::Complete, 2),
        record(3, "2026-11-18T19:00:00Z", End::Complete, 4),
    ];
    assert_eq!(
        used("Asia/Kolkata", &records, "2026-11-18T19:36:00Z", Unit::Tokens),
        [0, 4, 6, 7]
    );
}

#[test]
fn what_was_given_back_whole_is_not_counted() {
    let records = [record(1, "2026-11-18T11:06:00Z", End::UpstreamError, 0)];
    assert_eq!(
        used("UTC", &records, "2026-11-18T11:06:40Z", Unit::Requests),
        [0, 0, 0, 0]
    );
}

#[test]
fn more_records_than_a_page_are_all_counted() {
    let start = at("2026-11-18T11:06:00Z");
    let records: Vec<_> = (0..u32::try_from(PAGE).unwrap() + 5)
        .map(|number| {
            let mut random = [0; 10];
            random[..4].copy_from_slice(&number.to_be_bytes());
            let id = RequestId::new(start, random);
            UsageRecord {
                id,
                ..record(0, "2026-11-18T11:06:00Z", End::Complete, 1)
            }
        })
        .collect();
    let used = used("UTC", &records, "2026-11-18T11:06:40Z", Unit::Tokens);
    assert_eq!(used[0], u64::try_from(PAGE).unwrap() + 5);
}
