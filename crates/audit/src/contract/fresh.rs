//! Chains, users and names nobody else has, also on a server that other tests use at the same time.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use llmgw_types::{ChainId, Timestamp, UserId};
use serde_json::json;

use crate::{Actor, AuditEntry, AuditLog, AuditQuery, Digest, Stage};

pub(super) const WORKS: &str = "the log answers";
pub(super) const MICRO: Duration = Duration::from_micros(1);
pub(super) const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_123_456);

// The standard library seeds its hash maps from the system's entropy.
static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
static COUNT: AtomicU64 = AtomicU64::new(0);

pub(super) fn bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&RUN.to_be_bytes());
    bytes[8..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

pub(super) fn chain() -> ChainId {
    ChainId::from_bytes(bytes())
}

/// A subject nobody else has, with odd letters.
pub(super) fn subject() -> String {
    format!("model:{} é'\"\\\u{1f980}$%_\0x", chain())
}

pub(super) fn user() -> Actor {
    Actor::User(UserId::from_bytes(bytes()))
}

/// The first entry of a chain of its own, with all that such an entry has.
#[must_use]
pub fn first_of(subject: &str) -> AuditEntry {
    let chain = chain();
    AuditEntry {
        chain,
        seq: 1,
        at: NOW,
        stage: Stage::Intended,
        of: None,
        actor: user(),
        origin: Some("[2001:db8::1]:443 \u{1f980}\0".to_owned()),
        action: "model.replace".to_owned(),
        subject: subject.to_owned(),
        before: Some(json!({ "z": 1, "$a.b": [null, true, "\0\u{1f980}"], "": {} })),
        after: Some(json!([{ "weight": 0.1, "max": u64::MAX, "min": i64::MIN }])),
        error: None,
        previous: Digest::of_chain(chain),
        hash: Digest::from_bytes([0; 32]),
    }
    .sealed()
}

/// The entry after `last`, a microsecond later: an end of it where that one is intended, or intended like it.
#[must_use]
pub fn next(last: &AuditEntry) -> AuditEntry {
    let of = (last.stage == Stage::Intended).then_some(last.seq);
    AuditEntry {
        seq: last.seq + 1,
        at: last.at.plus(MICRO),
        stage: of.map_or(Stage::Intended, |_| Stage::Done),
        of,
        previous: last.hash,
        ..last.clone()
    }
    .sealed()
}

/// A chain of its own of `count` entries about `subject`.
#[must_use]
pub fn chain_of(count: usize, subject: &str) -> Vec<AuditEntry> {
    std::iter::successors(Some(first_of(subject)), |last| Some(next(last)))
        .take(count)
        .collect()
}

pub(super) async fn append_all(log: &dyn AuditLog, entries: &[AuditEntry]) {
    for entry in entries {
        log.append(entry).await.expect(WORKS);
    }
}

pub(super) async fn read(log: &dyn AuditLog, chain: ChainId) -> Vec<AuditEntry> {
    log.chain(chain, 0, 1_000).await.expect(WORKS)
}

pub(super) fn about(subject: &str) -> AuditQuery {
    AuditQuery {
        subject: Some(subject.to_owned()),
        limit: 1_000,
        ..AuditQuery::default()
    }
}

pub(super) async fn listed(log: &dyn AuditLog, query: &AuditQuery) -> Vec<AuditEntry> {
    log.list(query).await.expect(WORKS)
}
