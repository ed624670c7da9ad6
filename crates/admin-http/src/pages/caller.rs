//! Who asks for a page, and what they may: checked before a handler runs, so that none can forget it.

use std::future::{Ready, ready};
use std::pin::Pin;

use actix_session::SessionExt;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
pub(crate) use llmgw_browser_http::Fields;
use llmgw_browser_http::proves;
use llmgw_pages::admin::{Frame, Place, Who};
use llmgw_types::Role;

use super::errors::PageError;
use crate::caller::Caller;
use crate::doors::{SignedIn, parts, peer, signed_in, to_its_end};
use crate::problem::Problem;
use crate::rights::{self, Found, Needs};

/// Somebody who looks at a page that they may see.
#[derive(Clone)]
pub(crate) struct PageCaller {
    /// Who, for what they change.
    pub(crate) caller: Caller,
    /// What to call them.
    pub(crate) name: String,
    /// Every form carries it.
    pub(crate) csrf: String,
    signs_out_everywhere: bool,
}

/// A change that a form of ours asked for.
pub(crate) struct PageChange {
    pub(crate) who: PageCaller,
    pub(crate) fields: Fields,
}

impl From<SignedIn> for PageCaller {
    fn from(who: SignedIn) -> Self {
        Self {
            signs_out_everywhere: matches!(who.caller.actor, llmgw_audit::Actor::User(_)),
            caller: who.caller,
            name: who.name,
            csrf: who.csrf,
        }
    }
}

impl PageCaller {
    /// What stands around a page that they see.
    pub(crate) fn frame(&self, here: Option<Place>) -> Frame {
        Frame {
            person: Some(Who {
                name: self.name.clone(),
                may_change: self.may_change(),
                signs_out_everywhere: self.signs_out_everywhere,
                csrf: self.csrf.clone(),
            }),
            here,
            ..Frame::default()
        }
    }

    /// Whether they may change something.
    pub(crate) fn may_change(&self) -> bool {
        self.caller.role.covers(Role::Admin)
    }
}

/// Lets those through who may see what they ask for, and remembers who they are.
pub(crate) async fn only_signed_in(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match let_in(&request).await {
        Ok(None) => {}
        Ok(Some(who)) => {
            request.extensions_mut().insert(who);
        }
        // As an answer and no error: a session that ended is to be forgotten on the way out.
        Err(error) => return Ok(request.error_response(error)),
    }
    let response = to_its_end(next.call(request)).await?;
    Ok(response.map_into_boxed_body())
}

async fn let_in(request: &ServiceRequest) -> Result<Option<PageCaller>, PageError> {
    let needed = match rights::find(request.method(), request.match_pattern().as_deref()) {
        Found::Route(Needs::Nothing) => return Ok(None),
        Found::Route(Needs::Role(role)) => role,
        Found::Route(Needs::AdminKey) => return Err(PageError::Role(Role::Admin)),
        Found::OtherMethod => return Err(Problem::wrong_method().into()),
        Found::Nothing => return Err(Problem::nothing_here().into()),
    };
    let (admin, doors) = parts(request)?;
    let session = request.get_session();
    let who = signed_in(&admin, &doors, &session, peer(&doors, request.request())).await?;
    let who = who.ok_or_else(|| PageError::SignIn { back: back(request) })?;
    let may = who.caller.role.covers(needed);
    let who = PageCaller::from(who);
    // The page that says so names who is signed in.
    if !may {
        request.extensions_mut().insert(who);
        return Err(PageError::Role(needed));
    }
    Ok(Some(who))
}

// A form cannot be sent again after the way in.
fn back(request: &ServiceRequest) -> Option<String> {
    let path = request.uri().path_and_query()?.as_str().to_owned();
    (request.method() == Method::GET).then_some(path)
}

fn caller(request: &HttpRequest) -> Result<PageCaller, PageError> {
    let who = request.extensions().get::<PageCaller>().cloned();
    who.ok_or(PageError::SignIn { back: None })
}

impl FromRequest for PageCaller {
    type Error = PageError;
    type Future = Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request))
    }
}

impl FromRequest for PageChange {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let who = caller(&request)?;
            let body = body.await.map_err(|_| PageError::Forged)?;
            let fields = Fields::read(&request, &body).map_err(|_| PageError::Forged)?;
            let shown = fields.all("csrf").next();
            if proves(&request, shown, &who.csrf) {
                Ok(Self { who, fields })
            } else {
                Err(PageError::Forged)
            }
        })
    }
}
