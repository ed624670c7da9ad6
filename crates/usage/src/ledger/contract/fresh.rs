//! Records nobody else has, also on a server that other tests use at the same time.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::tz::TimeZone;
use llmgw_types::{
    Endpoint, GroupName, KeyId, ModelId, Money, RequestId, TargetId, Timestamp, TokenSource, TokenUsage,
    UserId,
};

use crate::ledger::{End, UsageRecord};

// The standard library seeds its hash maps from the system's entropy.
static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The zone the adapter's days are in: that of Berlin, spelt out so that no database of zones is needed.
#[must_use]
pub fn zone() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a POSIX time zone")
}

/// A plain record of a request of its own, with a user and a key of its own, at 2027-01-15T08:00Z.
#[must_use]
pub fn record() -> UsageRecord {
    record_of(user_id(), at("2027-01-15T08:00:00Z"))
}

/// The same, of `user` at `time`.
pub(super) fn record_of(user: UserId, time: Timestamp) -> UsageRecord {
    UsageRecord {
        id: request_id(time),
        time,
        key: KeyId::new(time, bytes()),
        user,
        groups: vec![group("staff")],
        model: model("meta/llama"),
        target: Some(target("gpu-1:8000")),
        endpoint: Endpoint::ChatCompletions,
        status: 200,
        streamed: false,
        end: End::Complete,
        tokens: TokenUsage {
            prompt: 11,
            cached: 5,
            completion: 7,
            reasoning: 3,
        },
        source: TokenSource::Reported,
        cost: Money::from_nanos(123),
        ttft_ms: Some(40),
        duration_ms: 900,
        units: 0,
    }
}

/// Records of `user` that differ in everything a report can tell apart, over three days.
pub(super) fn varied(user: UserId) -> Vec<UsageRecord> {
    let keys = [
        KeyId::new(at("2027-01-01T00:00:00Z"), bytes()),
        KeyId::new(at("2027-01-01T00:00:00Z"), bytes()),
    ];
    let models = ["a", "B", "meta/llama"].map(model);
    let targets = [None, Some(target("gpu-1:8000")), Some(target("gpu-2:8000"))];
    let groups = [vec![], vec![group("staff")], vec![group("a"), group("staff")]];
    let start = at("2027-01-15T21:30:00Z");
    let pick = |n: u64, of: u64| usize::try_from(n % of).unwrap_or(0);
    (0..60_u64)
        .map(|n| UsageRecord {
            key: keys[pick(n, 2)],
            model: models[pick(n / 2, 3)].clone(),
            target: targets[pick(n / 3, 3)].clone(),
            groups: groups[pick(n / 5, 3)].clone(),
            endpoint: Endpoint::ALL[pick(n / 7, 5)],
            tokens: TokenUsage {
                prompt: n,
                cached: n / 2,
                completion: n * n,
                reasoning: n / 3,
            },
            cost: Money::from_nanos(i64::try_from(n * 1_000).unwrap_or(0)),
            end: if n % 9 == 0 {
                End::UpstreamError
            } else {
                End::Complete
            },
            ..record_of(user, start.plus(std::time::Duration::from_secs(n * 47 * 60)))
        })
        .collect()
}

pub(super) fn user_id() -> UserId {
    UserId::new(at("2027-01-01T00:00:00Z"), bytes())
}

pub(super) fn request_id(time: Timestamp) -> RequestId {
    RequestId::new(time, bytes())
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(super) fn model(text: &str) -> ModelId {
    ModelId::parse(text).expect("a model id")
}

pub(super) fn target(text: &str) -> TargetId {
    TargetId::parse(text).expect("a target id")
}

pub(super) fn group(text: &str) -> GroupName {
    GroupName::parse(text).expect("a group name")
}

/// A count of this process and then bits of this run: ids of one run and one millisecond sort by the order in
/// which they were made. (A UUID overwrites six of the first 18 bits, which are left zero.)
fn bytes() -> [u8; 10] {
    let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let run = RUN.to_be_bytes();
    [
        0, 0, 0, count[5], count[6], count[7], run[0], run[1], run[2], run[3],
    ]
}
