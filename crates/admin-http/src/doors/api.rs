//! The door of the REST API: the admin key with each request, or the session of a browser.

use actix_session::SessionExt;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use llmgw_browser_http::proves;

use super::{key, parts, peer, session, to_its_end};
use crate::caller::Caller;
use crate::problem::Problem;
use crate::rights::{self, Found, Needs};

/// Where a session's token stands in a request that is no form.
const CSRF: &str = "x-csrf-token";

/// Lets those through who may do what they ask for, and remembers who they are.
pub(crate) async fn only_known(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match let_in(&request).await {
        Ok(None) => {}
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller);
        }
        // As an answer and no error: a session that ended is to be forgotten on the way out.
        Err(problem) => return Ok(request.error_response(problem)),
    }
    let response = to_its_end(next.call(request)).await?;
    Ok(response.map_into_boxed_body())
}

async fn let_in(request: &ServiceRequest) -> Result<Option<Caller>, Problem> {
    let found = rights::find(request.method(), request.match_pattern().as_deref());
    if found == Found::Route(Needs::Nothing) {
        return Ok(None);
    }
    // Who is not known is not told what there is.
    let caller = known(request, found).await?;
    match found {
        Found::Route(Needs::Role(role)) if !caller.role.covers(role) => Err(Problem::forbidden(role)),
        Found::Route(_) => Ok(Some(caller)),
        Found::OtherMethod => Err(Problem::wrong_method()),
        Found::Nothing => Err(Problem::nothing_here()),
    }
}

async fn known(request: &ServiceRequest, found: Found) -> Result<Caller, Problem> {
    let (admin, doors) = parts(request)?;
    let peer = peer(&doors, request.request());
    if let Some(shown) = key::shown(request) {
        return if doors.key.matches(shown) {
            Ok(Caller::admin_key(peer))
        } else {
            Err(key::refused(&admin, request.path(), peer))
        };
    }
    let signed_in = match found {
        Found::Route(Needs::AdminKey) => None,
        _ => session::signed_in(&admin, &doors, &request.get_session(), peer).await?,
    };
    let signed_in = signed_in.ok_or_else(|| key::refused(&admin, request.path(), peer))?;
    let shown = request.headers().get(CSRF).and_then(|shown| shown.to_str().ok());
    if request.method().is_safe() || proves(request.request(), shown, &signed_in.csrf) {
        Ok(signed_in.caller)
    } else {
        Err(Problem::forged())
    }
}
