//! Who asks, and what they may: checked before a handler runs, so that none can forget it.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use llmgw_audit::Actor;
use llmgw_types::Role;

use crate::problem::Problem;

/// Somebody who was let in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// What they may: [`Role::Auditor`] reads, [`Role::Admin`] changes.
    pub role: Role,
    /// From where.
    pub origin: Option<String>,
}

impl Caller {
    /// Whoever runs a command as `account` on this machine.
    #[must_use]
    pub fn command_line(account: &str) -> Self {
        Self {
            actor: Actor::CommandLine {
                account: account.to_owned(),
            },
            role: Role::Admin,
            origin: Some("command line".to_owned()),
        }
    }

    /// Whoever showed the admin key at `peer`.
    pub(crate) fn admin_key(peer: Option<IpAddr>) -> Self {
        Self {
            actor: Actor::AdminKey,
            role: Role::Admin,
            origin: peer.map(|peer| peer.to_string()),
        }
    }
}

/// Somebody who may look.
pub(crate) struct Reader;

/// Somebody who may change.
pub(crate) struct Changer(pub(crate) Caller);

// The doors looked already; a handler that says what it needs cannot stand behind the wrong one.
fn caller(request: &HttpRequest, needed: Role) -> Result<Caller, Problem> {
    let caller = request.extensions().get::<Caller>().cloned();
    let caller = caller.ok_or_else(Problem::unauthorized)?;
    if caller.role.covers(needed) {
        Ok(caller)
    } else {
        Err(Problem::forbidden(needed))
    }
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request, Role::Auditor).map(|_| Self))
    }
}

impl FromRequest for Changer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request, Role::Admin).map(Self))
    }
}
