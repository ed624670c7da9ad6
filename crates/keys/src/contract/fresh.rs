//! Ids, hashes and names nobody else has, also on a server that other tests use at the same time.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use llmgw_types::{KeyId, Revision, Timestamp, UserId};

use crate::{ApiKey, KeyHash, KeyState, User, UserState};

// The standard library seeds its hash maps from the system's entropy.
static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Later at each call, and in a span of time that other runs hardly share: ids made of it sort by the order
/// of calls, and few foreign ids lie between.
pub(super) fn time() -> Timestamp {
    let run = i64::try_from(*RUN >> 20).unwrap_or(0);
    Timestamp::from_millis((1 << 42) + run + i64::try_from(count()).unwrap_or(0))
}

pub(super) fn key_id() -> KeyId {
    KeyId::new(time(), bytes())
}

pub(super) fn user_id() -> UserId {
    UserId::new(time(), bytes())
}

pub(super) fn hash() -> KeyHash {
    let mut hash = [0; 32];
    hash[..10].copy_from_slice(&bytes::<10>());
    KeyHash::from_bytes(hash)
}

pub(super) fn name() -> String {
    format!("{:x}-{}", *RUN, count())
}

/// A key with nothing optional.
pub(super) fn key() -> ApiKey {
    ApiKey {
        id: key_id(),
        hash: hash(),
        hint: "sk-llmgw-abc...wxyz".to_owned(),
        name: "notebook".to_owned(),
        owner: user_id(),
        models: Vec::new(),
        limits: Vec::new(),
        expires_at: None,
        state: KeyState::Active,
        created_at: time(),
        revision: Revision::default(),
        last_used_at: None,
        replaces: None,
    }
}

/// A user with nothing optional.
pub(super) fn user() -> User {
    User {
        id: user_id(),
        name: name(),
        external_id: None,
        mail: None,
        groups: Vec::new(),
        role: llmgw_types::Role::User,
        state: UserState::Active,
        agreement: None,
        last_login_at: None,
        limits: Vec::new(),
        created_at: time(),
        revision: Revision::default(),
    }
}

fn count() -> u64 {
    COUNT.fetch_add(1, Ordering::Relaxed)
}

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, source) in bytes
        .iter_mut()
        .rev()
        .zip(count().to_le_bytes().into_iter().take(4).chain(RUN.to_le_bytes()))
    {
        *byte = source;
    }
    bytes
}
