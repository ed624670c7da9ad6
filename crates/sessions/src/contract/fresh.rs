//! Tokens, users and names nobody else has, also on a server that other tests use at the same time.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use llmgw_types::{Timestamp, UserId};

use crate::{Login, Session, SessionStore, Token, TokenHash};

pub(super) const WORKS: &str = "the store answers";
pub(super) const NOW: Timestamp = Timestamp::from_millis(1 << 42);
pub(super) const MICRO: Duration = Duration::from_micros(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

// The standard library seeds its hash maps from the system's entropy.
static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
static COUNT: AtomicU64 = AtomicU64::new(0);

pub(super) fn hash() -> TokenHash {
    let mut random = [0; 32];
    random[..16].copy_from_slice(&bytes());
    Token::generate(random).hash()
}

pub(super) fn user() -> UserId {
    UserId::from_bytes(bytes())
}

pub(super) fn name() -> String {
    format!("{:x}-{}", *RUN, count())
}

/// A session with nothing optional: over in eight hours, or after an hour without use.
pub(super) fn session() -> Session {
    Session::new(NOW, 8 * HOUR, HOUR)
}

/// A session with everything, and odd text.
pub(super) fn full_session() -> Session {
    Session {
        user: Some(user()),
        login: Some(Login {
            issuer: format!("https://idp.example/métadata!{}", name()),
            name_id: format!("ada {}:'\"\0x", name()),
            session_index: Some(format!("_é{}", name())),
        }),
        data: BTreeMap::from([
            ("csrf".to_owned(), "\"\\\n\u{1f980}".to_owned()),
            (String::new(), String::new()),
        ]),
        created_at: NOW.minus(MINUTE),
        seen_at: NOW.minus(MICRO),
        ends_at: NOW.plus(2 * HOUR + MICRO),
        idle: MINUTE + MICRO,
    }
}

/// A login, as an identity provider would name it.
pub(super) fn login(issuer: &str, name_id: &str, session_index: Option<&str>) -> Login {
    Login {
        issuer: issuer.to_owned(),
        name_id: name_id.to_owned(),
        session_index: session_index.map(str::to_owned),
    }
}

pub(super) async fn inserted(store: &dyn SessionStore, session: &Session) -> TokenHash {
    let hash = hash();
    store.insert(&hash, session, NOW).await.expect(WORKS);
    hash
}

pub(super) async fn found(store: &dyn SessionStore, hash: &TokenHash) -> Option<Session> {
    store.get(hash, NOW).await.expect(WORKS)
}

fn count() -> u64 {
    COUNT.fetch_add(1, Ordering::Relaxed)
}

fn bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&RUN.to_be_bytes());
    bytes[8..].copy_from_slice(&count().to_be_bytes());
    bytes
}
