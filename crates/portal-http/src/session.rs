//! Who is logged in: actix-session on our own port, so that sessions can be found by their user and by the login they
//! came from.

mod member;

pub(crate) use member::{Member, Person, Unbound};

use actix_session::Session;
use llmgw_browser_http::{ENDS, LOGIN, USER};
use llmgw_sessions::Login;
use llmgw_types::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::errors::PageError;
use crate::portal::Portal;

/// What a session remembers under this name of its data.
pub(crate) const ME: &str = "me";

/// What is remembered of somebody who is logged in, beside what our port has fields for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Me {
    /// What to call them.
    pub(crate) name: String,
    /// Every change carries it.
    pub(crate) csrf: String,
    /// How the identity provider calls this login, for its logout.
    pub(crate) name_id: Option<NameId>,
}

/// A name as SAML has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NameId {
    pub(crate) value: String,
    pub(crate) format: Option<String>,
    pub(crate) name_qualifier: Option<String>,
    pub(crate) sp_name_qualifier: Option<String>,
}

/// Somebody who may come in now.
pub(crate) struct Entering {
    pub(crate) user: UserId,
    pub(crate) name: String,
    pub(crate) login: Option<(Login, NameId)>,
    /// When the login ends elsewhere.
    pub(crate) ends: Option<Timestamp>,
}

/// Begins a session. Whatever a browser brought along is not that one: its token is new.
pub(crate) fn enter(portal: &Portal, session: &Session, who: Entering) -> Result<(), PageError> {
    session.clear();
    let (login, name_id) = match who.login {
        Some((login, name_id)) => (Some(login), Some(name_id)),
        None => (None, None),
    };
    let me = Me {
        name: who.name,
        csrf: portal.token().expose().to_owned(),
        name_id,
    };
    let broken = |error: actix_session::SessionInsertError| {
        tracing::error!(%error, "a session cannot be written");
        PageError::Broken
    };
    session.insert(USER, who.user).map_err(broken)?;
    session.insert(LOGIN, login).map_err(broken)?;
    session.insert(ENDS, who.ends).map_err(broken)?;
    session.insert(ME, me).map_err(broken)?;
    session.renew();
    Ok(())
}
