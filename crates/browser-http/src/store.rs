//! actix-session's store on our port: what our port has fields for stands in them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time;
use llmgw_sessions::{Session, Token};
use llmgw_types::{Clock, Entropy, Timestamp, random};
use serde::de::DeserializeOwned;

/// Whose the session is, in what it remembers: an `Option<UserId>`.
pub const USER: &str = "user";
/// The log-in it came from: an `Option<Login>`.
pub const LOGIN: &str = "login";
/// When it is over at the latest: an `Option<Timestamp>`.
pub const ENDS: &str = "ends";
const CREATED: &str = "created";

type State = HashMap<String, String>;

/// Where sessions are, and how long they last.
#[derive(Clone)]
pub struct Kept {
    /// Where they are.
    pub sessions: Arc<dyn llmgw_sessions::SessionStore>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Random bits.
    pub entropy: Arc<dyn Entropy>,
    /// How long a session lasts at most.
    pub lasts: Duration,
    /// How long it lasts unused.
    pub idle: Duration,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("lasts", &self.lasts)
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

/// [`SessionStore`] of actix-session.
#[derive(Debug, Clone)]
pub struct Sessions(pub(crate) Kept);

impl Sessions {
    fn session(&self, mut state: State) -> Result<Session, serde_json::Error> {
        let now = self.0.clock.now();
        let created: Timestamp = taken(&mut state, CREATED)?.unwrap_or(now);
        let mut session = Session::new(created, self.0.lasts, self.0.idle);
        session.seen_at = now;
        session.user = taken(&mut state, USER)?.flatten();
        session.login = taken(&mut state, LOGIN)?.flatten();
        if let Some(ends) = taken::<Option<Timestamp>>(&mut state, ENDS)?.flatten() {
            session.ends_at = session.ends_at.min(ends);
        }
        session.data = state.into_iter().collect();
        Ok(session)
    }
}

fn taken<T: DeserializeOwned>(state: &mut State, name: &str) -> Result<Option<T>, serde_json::Error> {
    let text = state.remove(name);
    text.map(|text| serde_json::from_str(&text)).transpose()
}

fn state(session: Session) -> Result<State, serde_json::Error> {
    let mut state: State = session.data.into_iter().collect();
    state.insert(CREATED.to_owned(), serde_json::to_string(&session.created_at)?);
    state.insert(USER.to_owned(), serde_json::to_string(&session.user)?);
    state.insert(LOGIN.to_owned(), serde_json::to_string(&session.login)?);
    state.insert(ENDS.to_owned(), serde_json::to_string(&session.ends_at)?);
    Ok(state)
}

impl SessionStore for Sessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        let Ok(token) = Token::parse(key.as_ref()) else {
            return Ok(None);
        };
        let found = self.0.sessions.get(&token.hash(), self.0.clock.now()).await;
        let found = found.map_err(|error| LoadError::Other(error.into()))?;
        let state = found.map(state).transpose();
        state.map_err(|error| LoadError::Deserialization(error.into()))
    }

    async fn save(&self, state: State, _: &time::Duration) -> Result<SessionKey, SaveError> {
        let mut state = state;
        // A new session, also where it takes another's place.
        state.remove(CREATED);
        let session = self
            .session(state)
            .map_err(|error| SaveError::Serialization(error.into()))?;
        let token = Token::generate(random(&*self.0.entropy));
        let kept = self
            .0
            .sessions
            .insert(&token.hash(), &session, session.seen_at)
            .await;
        kept.map_err(|error| SaveError::Other(error.into()))?;
        SessionKey::try_from(token.expose().to_owned()).map_err(|error| SaveError::Other(error.into()))
    }

    // One that was ended meanwhile does not come back.
    async fn update(
        &self,
        key: SessionKey,
        state: State,
        _: &time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        let session = self
            .session(state)
            .map_err(|error| UpdateError::Serialization(error.into()))?;
        if let Ok(token) = Token::parse(key.as_ref()) {
            let hash = token.hash();
            let kept = self.0.sessions.update(&hash, &session, session.seen_at);
            kept.await.map_err(|error| UpdateError::Other(error.into()))?;
        }
        Ok(key)
    }

    async fn update_ttl(&self, key: &SessionKey, _: &time::Duration) -> Result<(), anyhow::Error> {
        if let Ok(token) = Token::parse(key.as_ref()) {
            self.0.sessions.touch(&token.hash(), self.0.clock.now()).await?;
        }
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        if let Ok(token) = Token::parse(key.as_ref()) {
            self.0.sessions.remove(&token.hash()).await?;
        }
        Ok(())
    }
}
