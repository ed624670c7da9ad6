//! How a session stands in Redis, and the names of the indexes that lead to it.

use deadpool_redis::redis::{self, Cmd};
use llmgw_sessions::Session;
use llmgw_types::{StoreError, Timestamp, UserId};

use crate::error::corrupt;

/// The record as JSON, and when it was last used: that moves without the record being written anew.
pub(super) type Fields = (Option<Vec<u8>>, Option<i64>);

pub(super) fn read(key: &[u8]) -> Cmd {
    let mut command = redis::cmd("HMGET");
    command.arg(key).arg("d").arg("s");
    command
}

pub(super) fn session(kept: Fields) -> Result<Option<Session>, StoreError> {
    let (Some(record), Some(seen_at)) = kept else {
        return Ok(None);
    };
    let record: Session =
        serde_json::from_slice(&record).map_err(|_| corrupt("a session of another form"))?;
    Ok(Some(Session {
        seen_at: Timestamp::from_micros(seen_at),
        ..record
    }))
}

/// What the scripts keep: the record, its times in microseconds, the indexes that lead to it or nothing.
pub(super) fn arguments(session: &Session) -> Result<[Vec<u8>; 7], StoreError> {
    let record = serde_json::to_vec(session).map_err(|_| corrupt("a session that is no JSON"))?;
    let login = session.login.as_ref();
    let of_session_index = login.and_then(|login| {
        let index = login.session_index.as_ref()?;
        Some(of_session_index(&login.issuer, &login.name_id, index))
    });
    Ok([
        record,
        micros(session.seen_at),
        micros(session.ends_at),
        session.idle.as_micros().to_string().into_bytes(),
        session.user.map(of_user).unwrap_or_default(),
        login
            .map(|login| of_name_id(&login.issuer, &login.name_id))
            .unwrap_or_default(),
        of_session_index.unwrap_or_default(),
    ])
}

pub(super) fn of_user(user: UserId) -> Vec<u8> {
    [b"u", &user.as_bytes()[..]].concat()
}

// Texts of any length stand behind each other, so each but the last says how long it is.
pub(super) fn of_name_id(issuer: &str, name_id: &str) -> Vec<u8> {
    format!("n{}:{issuer}{name_id}", issuer.len()).into_bytes()
}

pub(super) fn of_session_index(issuer: &str, name_id: &str, session_index: &str) -> Vec<u8> {
    format!(
        "i{}:{}:{issuer}{name_id}{session_index}",
        issuer.len(),
        name_id.len()
    )
    .into_bytes()
}

pub(super) fn micros(at: Timestamp) -> Vec<u8> {
    at.as_micros().to_string().into_bytes()
}
