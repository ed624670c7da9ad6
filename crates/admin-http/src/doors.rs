//! The doors: how somebody comes in, and what they are let through to. By the admin key, shown with each request or
//! once at the sign-in page, or handed over by the portal.

mod api;
mod handover;
mod key;
mod session;

pub(crate) use api::only_known;
pub(crate) use handover::Arrived;
pub use handover::{Handovers, PublicKeyError};
pub(crate) use key::refused;
pub(crate) use session::{By, SignedIn, enter, leave, signed_in};

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_session::SessionMiddleware;
use actix_web::dev::ServiceRequest;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest};
use llmgw_browser_http::{CookieKey, Kept, Sessions, sessions};
use llmgw_keys::{AdminKey, Proxies};
use llmgw_sessions::OneTimeStore;
use llmgw_types::Entropy;

use crate::admin::Admin;
use crate::problem::Problem;

/// The session's cookie. The portal's has another name: on one machine browsers give both to either.
pub(crate) const COOKIE: &str = "__Host-llmgw-admin";

/// What is needed to let somebody in. One per process.
pub struct Doors {
    /// Opens everything, when nothing else does.
    pub key: AdminKey,
    /// What the portal hands over, where there is one.
    pub handovers: Option<Handovers>,
    /// Scheme, host and port of the pages, without a slash at the end.
    pub origin: String,
    /// What cookies are signed with.
    pub cookies: CookieKey,
    /// What may happen once.
    pub once: Arc<dyn OneTimeStore>,
    /// Random bits.
    pub entropy: Arc<dyn Entropy>,
    /// Proxies that say whom they ask for.
    pub proxies: Proxies,
    /// How long a session lasts at most.
    pub lasts: Duration,
    /// How long it lasts unused.
    pub idle: Duration,
}

impl fmt::Debug for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doors")
            .field("origin", &self.origin)
            .field("handovers", &self.handovers)
            .finish_non_exhaustive()
    }
}

impl Doors {
    /// Reads and writes the sessions of requests.
    pub(crate) fn sessions(&self, admin: &Admin) -> SessionMiddleware<Sessions> {
        let kept = Kept {
            sessions: Arc::clone(&admin.sessions),
            clock: Arc::clone(&admin.clock),
            entropy: Arc::clone(&self.entropy),
            lasts: self.lasts,
            idle: self.idle,
        };
        sessions(kept, COOKIE, self.cookies.clone())
    }
}

/// What every door looks at.
pub(crate) fn parts(request: &ServiceRequest) -> Result<(Data<Admin>, Data<Doors>), Problem> {
    let admin = request.app_data::<Data<Admin>>().cloned();
    let doors = request.app_data::<Data<Doors>>().cloned();
    admin.zip(doors).ok_or_else(Problem::broken)
}

/// Where a request comes from.
pub(crate) fn peer(doors: &Doors, request: &HttpRequest) -> Option<IpAddr> {
    let lists = request.headers().get_all("x-forwarded-for");
    let lists = lists.filter_map(|list| list.to_str().ok());
    Some(doors.proxies.client(request.peer_addr()?.ip(), lists))
}

/// Does the work also when the client leaves halfway: a change that the store has kept must be told, or what was
/// revoked goes on working for a while.
#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the one request it serves, which the server waits for when it stops"
)]
pub(crate) async fn to_its_end<T: 'static>(
    work: impl Future<Output = Result<T, Error>> + 'static,
) -> Result<T, Error> {
    let done = actix_web::rt::spawn(work).await;
    done.unwrap_or_else(|_| Err(Problem::broken().into()))
}
