//! Who asks, and what they may: checked before a handler runs, so that none can forget it.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use llmgw_audit::Actor;
use llmgw_keys::{AdminKey, Origin};
use llmgw_types::Role;

use crate::admin::Admin;
use crate::problem::Problem;

/// The header of the admin key in the system this one replaces.
const ADMIN_KEY: &str = "adminkey";

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
}

/// Somebody who may look.
pub(crate) struct Reader;

/// Somebody who may change.
pub(crate) struct Changer(pub(crate) Caller);

fn caller(request: &HttpRequest, needed: fn(Role) -> bool) -> Result<Caller, Problem> {
    let caller = request.extensions().get::<Caller>().cloned();
    let caller = caller.ok_or_else(Problem::unauthorized)?;
    if needed(caller.role) {
        Ok(caller)
    } else {
        Err(Problem::forbidden())
    }
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request, |role| role != Role::User).map(|_| Self))
    }
}

impl FromRequest for Changer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request, |role| role == Role::Admin).map(Self))
    }
}

/// Lets those in who show the admin key, and remembers who they are.
pub(crate) async fn only_known<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let peer = request.peer_addr().map(|address| address.ip());
    if !shows_admin_key(&request) {
        return Err(refused(&request, peer).into());
    }
    request.extensions_mut().insert(Caller {
        actor: Actor::AdminKey,
        role: Role::Admin,
        origin: peer.map(|peer| peer.to_string()),
    });
    to_its_end(next.call(request)).await
}

fn shows_admin_key(request: &ServiceRequest) -> bool {
    let shown = bearer(request).or_else(|| request.headers().get(ADMIN_KEY)?.to_str().ok());
    let key = request.app_data::<Data<AdminKey>>();
    shown.zip(key).is_some_and(|(shown, key)| key.matches(shown))
}

fn refused(request: &ServiceRequest, peer: Option<IpAddr>) -> Problem {
    let path = request.path();
    tracing::warn!(
        path,
        peer = peer.map(tracing::field::display),
        "admin key refused"
    );
    let wait = request.app_data::<Data<Admin>>().and_then(|admin| {
        let origin = Origin(peer.map_or(0, number));
        admin.failures.note(origin, admin.clock.monotonic())
    });
    wait.map_or_else(Problem::unauthorized, Problem::too_many)
}

// One client has a whole network of the sixth version.
fn number(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

fn bearer(request: &ServiceRequest) -> Option<&str> {
    let (scheme, token) = request
        .headers()
        .get(AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

// Also when the client leaves halfway: a change that the store has kept must be told, or what was revoked goes
// on working for a while.
#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the one request it serves, which the server waits for when it stops"
)]
async fn to_its_end<T: 'static>(work: impl Future<Output = Result<T, Error>> + 'static) -> Result<T, Error> {
    let done = actix_web::rt::spawn(work).await;
    done.unwrap_or_else(|_| Err(Problem::broken().into()))
}
