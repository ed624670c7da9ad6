//! How somebody comes and goes: by the admin key, handed over by the portal, and out again.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use llmgw_browser_http::{is_from_elsewhere, own_path};
use llmgw_pages::admin::{Frame, RefusedKey, SignInPage, SignedOutPage};
use serde::Deserialize;

use super::{Fields, PageChange, PageError, go, page};
use crate::admin::Admin;
use crate::doors::{Arrived, By, Doors, enter, leave as end, peer, refused};
use crate::problem::Problem;

#[derive(Deserialize)]
pub(crate) struct Back {
    #[serde(rename = "return")]
    back: Option<String>,
}

/// `GET /sign-in`.
pub(crate) async fn ask(doors: Data<Doors>, to: Query<Back>) -> Result<HttpResponse, PageError> {
    sign_in(&doors, StatusCode::OK, to.back.as_deref(), None)
}

fn sign_in(
    doors: &Doors,
    status: StatusCode,
    back: Option<&str>,
    refused: Option<RefusedKey>,
) -> Result<HttpResponse, PageError> {
    let shown = SignInPage {
        frame: Frame::default(),
        portal: doors
            .handovers
            .as_ref()
            .map(|handovers| handovers.portal().to_owned()),
        back: own_path(back).to_owned(),
        refused,
    };
    page(status, &shown)
}

/// `POST /sign-in`: the admin key, for trials and when nothing else opens.
pub(crate) async fn by_key(
    admin: Data<Admin>,
    doors: Data<Doors>,
    session: Session,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, PageError> {
    let fields = from_here(&request, &body)?;
    let peer = peer(&doors, &request);
    let back = own_path(Some(fields.one("return")));
    if doors.key.matches(fields.one("key")) {
        enter(&admin, &doors, &session, By::Key, peer).await?;
        return Ok(go(back));
    }
    let problem = refused(&admin, request.path(), peer);
    let why = match problem.wait() {
        Some(wait) => RefusedKey::Wait {
            seconds: wait.as_secs().max(1),
        },
        None => RefusedKey::Wrong,
    };
    let mut answer = sign_in(&doors, problem.status(), Some(back), Some(why))?;
    if let Some(wait) = problem.wait() {
        let seconds = wait.as_secs().max(1).into();
        answer
            .headers_mut()
            .insert(actix_web::http::header::RETRY_AFTER, seconds);
    }
    Ok(answer)
}

// Nobody is signed in yet, so there is no token to ask for.
fn from_here(request: &HttpRequest, body: &Bytes) -> Result<Fields, PageError> {
    if is_from_elsewhere(request) {
        return Err(PageError::Forged);
    }
    Fields::read(request, body).map_err(|_| PageError::Forged)
}

/// `POST /handover`: from a page of the portal, with a token that it signed.
pub(crate) async fn handed_over(
    admin: Data<Admin>,
    doors: Data<Doors>,
    session: Session,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, PageError> {
    let handovers = doors.handovers.as_ref().ok_or_else(Problem::nothing_here)?;
    let fields = Fields::read(&request, &body).map_err(|_| PageError::Refused)?;
    let peer = peer(&doors, &request);
    match handovers
        .arrive(&admin, &*doors.once, fields.one("token"))
        .await?
    {
        Arrived::In(who) => {
            enter(&admin, &doors, &session, By::Handover(who), peer).await?;
            Ok(go("/"))
        }
        Arrived::Refused(why) => {
            let peer = peer.map(tracing::field::display);
            tracing::warn!(peer, why, "a hand-over from the portal was refused");
            Err(PageError::Refused)
        }
    }
}

/// `POST /logout`: ends this session or, with `everywhere`, all that this person has, at the portal, too.
pub(crate) async fn leave(
    admin: Data<Admin>,
    doors: Data<Doors>,
    session: Session,
    change: PageChange,
) -> Result<HttpResponse, PageError> {
    let everywhere = !change.fields.one("everywhere").is_empty();
    end(&admin, &session, everywhere).await?;
    tracing::info!(actor = %change.who.caller.actor, "signed out");
    let shown = SignedOutPage {
        frame: Frame::default(),
        everywhere,
        portal: doors
            .handovers
            .as_ref()
            .map(|handovers| handovers.portal().to_owned()),
    };
    page(StatusCode::OK, &shown)
}
