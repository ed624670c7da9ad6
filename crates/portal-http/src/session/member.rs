//! Who asks: checked before a handler runs, so that none can forget it.

use std::pin::Pin;

use actix_session::{Session, SessionExt};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use llmgw_browser_http::{ENDS, LOGIN, USER, proves};
use llmgw_keys::User;
use llmgw_types::UserId;

use super::{ME, Me};
use crate::errors::PageError;
use crate::portal::Portal;

type Later<T> = Pin<Box<dyn Future<Output = Result<T, PageError>>>>;

/// Somebody who is logged in, may act, and accepted the agreement.
pub(crate) struct Member(pub(crate) Person);

/// Somebody who is logged in and may act; the agreement is still open.
pub(crate) struct Unbound(pub(crate) Person);

/// A person and their session.
pub(crate) struct Person {
    pub(crate) user: User,
    pub(crate) me: Me,
    pub(crate) session: Session,
}

impl Person {
    /// Whether a change came from a page of this session.
    pub(crate) fn asked_for(&self, request: &HttpRequest, csrf: Option<&str>) -> bool {
        proves(request, csrf, &self.me.csrf)
    }

    /// The login's names, where it came from an institution.
    pub(crate) fn login(&self) -> Option<llmgw_sessions::Login> {
        self.session.get(LOGIN).ok().flatten()
    }

    /// When the session is over at the latest.
    pub(crate) fn ends(&self) -> Option<llmgw_types::Timestamp> {
        self.session.get(ENDS).ok().flatten()
    }
}

async fn person(request: HttpRequest) -> Result<Person, PageError> {
    let session = request.get_session();
    let back = || PageError::SignIn {
        back: request
            .uri()
            .path_and_query()
            .map(|path| path.as_str().to_owned()),
    };
    let id: Option<UserId> = session.get(USER).ok().flatten();
    let me: Option<Me> = session.get(ME).ok().flatten();
    let (Some(id), Some(me)) = (id, me) else {
        return Err(back());
    };
    let Some(portal) = request.app_data::<Data<Portal>>() else {
        return Err(PageError::Broken);
    };
    // Suspended or erased meanwhile: at once, not when the session ends.
    let Some(user) = portal.people.active(id).await? else {
        session.purge();
        return Err(back());
    };
    Ok(Person { user, me, session })
}

impl FromRequest for Unbound {
    type Error = PageError;
    type Future = Later<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let person = person(request.clone());
        Box::pin(async move { person.await.map(Self) })
    }
}

impl FromRequest for Member {
    type Error = PageError;
    type Future = Later<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let site = request
                .app_data::<Data<Portal>>()
                .map(|portal| portal.site.clone());
            let person = person(request.clone()).await?;
            if site.is_some_and(|site| site.must_accept(&person.user)) {
                return Err(PageError::Agreement);
            }
            Ok(Self(person))
        })
    }
}
