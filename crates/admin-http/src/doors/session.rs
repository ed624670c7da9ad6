//! Who is signed in, looked up with every request: what they may can change meanwhile.

use std::net::IpAddr;

use actix_session::Session;
use llmgw_audit::Actor;
use llmgw_browser_http::{ENDS, LOGIN, USER};
use llmgw_keys::{KeyError, User, UserState};
use llmgw_sessions::{Login, Token};
use llmgw_types::{Role, Timestamp, UserId, random};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Doors;
use crate::admin::{Admin, Planned};
use crate::caller::Caller;
use crate::problem::Problem;

/// What a session remembers under this name of its data. The portal's has another: none of its sessions opens anything
/// here, though both are in one store.
const ME: &str = "admin";

/// How pages call whoever came in by the admin key.
const NAME: &str = "admin key";

/// What is remembered of somebody who came in, beside what sessions have fields for.
#[derive(Serialize, Deserialize)]
struct Me {
    /// Every change carries it.
    csrf: String,
    /// The mark of the admin key, where that opened the session.
    key: Option<String>,
}

/// Somebody who is signed in, and may look at least.
#[derive(Clone)]
pub(crate) struct SignedIn {
    pub(crate) caller: Caller,
    /// What to call them.
    pub(crate) name: String,
    /// Every change carries it.
    pub(crate) csrf: String,
}

/// How somebody came in.
pub(crate) enum By {
    /// By the admin key.
    Key,
    /// By the portal.
    Handover(Box<HandedOver>),
}

/// Somebody whom the portal handed over.
pub(crate) struct HandedOver {
    pub(crate) user: User,
    /// The log-in at the institution, so that its end there ends this, too.
    pub(crate) login: Option<Login>,
    /// When the portal's own session ends.
    pub(crate) ends: Option<Timestamp>,
}

/// Who is signed in; `None` where nobody is, or they may not look any more.
pub(crate) async fn signed_in(
    admin: &Admin,
    doors: &Doors,
    session: &Session,
    peer: Option<IpAddr>,
) -> Result<Option<SignedIn>, Problem> {
    let Some(me) = session.get::<Me>(ME).ok().flatten() else {
        return Ok(None);
    };
    let id: Option<UserId> = session.get(USER).ok().flatten();
    let known = match (&me.key, id) {
        (Some(mark), None) if *mark == doors.key.mark() => Some((Caller::admin_key(peer), NAME.to_owned())),
        (None, Some(id)) => user(admin, id).await?.map(|user| (by(&user, peer), user.name)),
        _ => None,
    };
    let Some((caller, name)) = known else {
        session.purge();
        return Ok(None);
    };
    let csrf = me.csrf;
    Ok(Some(SignedIn { caller, name, csrf }))
}

fn by(user: &User, peer: Option<IpAddr>) -> Caller {
    Caller {
        actor: Actor::User(user.id),
        role: user.role,
        origin: peer.map(|peer| peer.to_string()),
    }
}

/// The user, if they are there, may act, and may look.
pub(crate) async fn user(admin: &Admin, id: UserId) -> Result<Option<User>, Problem> {
    match admin.users.get(id).await {
        Ok(user) if user.state == UserState::Active && user.role.covers(Role::Auditor) => Ok(Some(user)),
        Ok(_) | Err(KeyError::NoUser) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Begins a session, which is written down first. Whatever a browser brought along is not that one: its token is new.
pub(crate) async fn enter(
    admin: &Admin,
    doors: &Doors,
    session: &Session,
    who: By,
    peer: Option<IpAddr>,
) -> Result<(), Problem> {
    let (caller, door, key) = match &who {
        By::Key => (Caller::admin_key(peer), "admin_key", Some(doors.key.mark())),
        By::Handover(who) => (by(&who.user, peer), "handover", None),
    };
    let planned = Planned {
        action: "session.open",
        subject: caller.actor.to_string(),
        before: None,
        after: Some(json!({"door": door, "role": caller.role})),
    };
    let (id, login, ends) = match who {
        By::Key => (None, None, None),
        By::Handover(who) => (Some(who.user.id), who.login, who.ends),
    };
    let csrf = Token::generate(random(&*doors.entropy)).expose().to_owned();
    let opening = async {
        session.clear();
        let kept = session
            .insert(USER, id)
            .and_then(|()| session.insert(LOGIN, login))
            .and_then(|()| session.insert(ENDS, ends))
            .and_then(|()| session.insert(ME, Me { csrf, key }));
        kept.map_err(|error| {
            tracing::error!(%error, "a session cannot be written");
            Problem::broken()
        })?;
        session.renew();
        Ok(((), None))
    };
    admin.audited(&caller, planned, opening).await
}

/// Ends the session; `everywhere`: all that its person has, at the portal, too.
pub(crate) async fn leave(admin: &Admin, session: &Session, everywhere: bool) -> Result<(), Problem> {
    let id: Option<UserId> = session.get(USER).ok().flatten();
    if let (true, Some(id)) = (everywhere, id) {
        admin.sessions.remove_user(id).await?;
    }
    session.purge();
    Ok(())
}
