//! A web session: whose it is, where it came from, what it remembers, and when it is over.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use llmgw_types::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What is kept about a session. Times and `idle` are kept to the microsecond.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who is logged in; nobody in a session that only began to log in.
    pub user: Option<UserId>,
    /// The SAML log-in it came from, where it came from one.
    pub login: Option<Login>,
    /// What pages remember, by name. Not shown by `Debug`.
    pub data: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub seen_at: Timestamp,
    /// When it is over, however often it is used.
    pub ends_at: Timestamp,
    /// For how long it may be unused.
    pub idle: Duration,
}

/// A log-in at an identity provider, as its assertion named it: by these a later log-out there finds its sessions
/// (SAML core 3.7.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The entity id of the identity provider.
    pub issuer: String,
    /// The subject's name id.
    pub name_id: String,
    /// The identity provider's index of the session, where it gave one.
    pub session_index: Option<String>,
}

impl Session {
    /// A session of nobody that begins `now`, is over `lasts` later, and before that when it is not used for
    /// `idle`.
    #[must_use]
    pub fn new(now: Timestamp, lasts: Duration, idle: Duration) -> Self {
        Self {
            user: None,
            login: None,
            data: BTreeMap::new(),
            created_at: now,
            seen_at: now,
            ends_at: now.plus(lasts),
            idle,
        }
    }

    /// When it is over unless it is used before: the earlier of its end and the end of its idle time.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.ends_at.min(self.seen_at.plus(self.idle))
    }

    /// Whether it opens nothing any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.expires_at()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user", &self.user)
            .field("login", &self.login)
            .field("data", &self.data.keys())
            .field("created_at", &self.created_at)
            .field("seen_at", &self.seen_at)
            .field("ends_at", &self.ends_at)
            .field("idle", &self.idle)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seen: i64, ends: i64, idle: u64) -> Session {
        Session {
            seen_at: Timestamp::from_micros(seen),
            ends_at: Timestamp::from_micros(ends),
            ..Session::new(Timestamp::default(), Duration::ZERO, Duration::from_micros(idle))
        }
    }

    proptest! {
        #[test]
        fn it_is_over_at_its_end_and_when_it_was_idle(seen: i32, ends: i32, idle: u32, now: i32) {
            let session = at(seen.into(), ends.into(), idle.into());
            let over = now >= ends || i64::from(now) >= i64::from(seen) + i64::from(idle);
            let now = Timestamp::from_micros(now.into());
            prop_assert_eq!(session.is_over(now), over);
            prop_assert_eq!(session.is_over(now), now >= session.expires_at());
        }
    }

    #[test]
    fn the_longest_idle_time_does_not_wrap() {
        let session = Session {
            idle: Duration::MAX,
            ..at(5, i64::MAX, 0)
        };
        assert!(!session.is_over(Timestamp::from_micros(i64::MAX - 1)));
    }

    #[test]
    fn what_it_remembers_does_not_show_in_debug_and_survives_json() {
        let session = Session {
            login: Some(Login {
                issuer: "https://idp.example".to_owned(),
                name_id: "ada".to_owned(),
                session_index: None,
            }),
            data: BTreeMap::from([("csrf".to_owned(), "do-not-show".to_owned())]),
            ..at(5, 9, 3)
        };
        let shown = format!("{session:?}");
        assert!(
            !shown.contains("do-not-show") && shown.contains("csrf"),
            "{shown}"
        );
        let text = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<Session>(&text).unwrap(), session);
    }
}
