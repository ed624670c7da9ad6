//! From what the portal knows to what a page shows.

mod errors;
mod keys;
mod used;

pub(crate) use errors::errors;
pub(crate) use keys::{Refused, keys, made, revoke};
pub(crate) use used::{limits, models, usage};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use llmgw_pages::Template;
use llmgw_pages::look::{Frame, Place, SiteNames, Time, Who, markdown};
use llmgw_pages::portal::{AgreementPage, HandOverPage, LeavePage, SignInPage, SignedOutPage, Way};
use llmgw_types::{Role, Timestamp};

use crate::errors::PageError;
use crate::portal::Portal;
use crate::session::Person;

/// A page with this status.
fn page(status: StatusCode, page: &impl Template) -> Result<HttpResponse, PageError> {
    let text = page.render().map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        PageError::Broken
    })?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(text))
}

/// What stands around every page; `person` is who is signed in.
fn frame(portal: &Portal, person: Option<&Person>, here: Option<Place>) -> Frame {
    let site = &portal.site;
    Frame {
        site: SiteNames {
            institution: site.institution.clone(),
            support: site.support.clone(),
            has_admin_service: site.handover.is_some(),
        },
        person: person.map(|person| Who {
            name: person.me.name.clone(),
            mail: person.user.mail.clone(),
            is_admin: person.user.role != Role::User,
            csrf: person.me.csrf.clone(),
        }),
        here,
        ..Frame::default()
    }
}

fn time(at: Timestamp) -> Time {
    Time::of_micros(at.as_micros())
}

/// Nobody is signed in. `href` is where that begins; without, it is by a link that was printed.
pub(crate) fn sign_in(portal: &Portal, href: Option<String>) -> Result<HttpResponse, PageError> {
    let way = href.map_or(Way::Link, |href| Way::Institution { href });
    let frame = frame(portal, None, None);
    page(StatusCode::OK, &SignInPage { frame, way })
}

/// The agreement to accept.
pub(crate) fn agreement(portal: &Portal, person: &Person) -> Result<HttpResponse, PageError> {
    let agreement = portal.site.agreement.as_ref().ok_or(PageError::NotFound)?;
    let shown = AgreementPage {
        frame: frame(portal, Some(person), None),
        version: agreement.version.clone(),
        html: markdown(&agreement.text),
        changed: person.user.agreement.is_some(),
    };
    page(StatusCode::OK, &shown)
}

/// Asks whether to sign out.
pub(crate) fn leave(portal: &Portal, person: &Person) -> Result<HttpResponse, PageError> {
    let frame = frame(portal, Some(person), None);
    page(StatusCode::OK, &LeavePage { frame })
}

/// The way to the administration at `admin`.
pub(crate) fn hand_over(
    portal: &Portal,
    person: &Person,
    admin: &str,
    token: String,
) -> Result<HttpResponse, PageError> {
    let shown = HandOverPage {
        frame: frame(portal, Some(person), None),
        admin: admin.to_owned(),
        token,
    };
    page(StatusCode::OK, &shown)
}

/// The institution answered; `success`: it ended its own login, too.
pub(crate) fn left(portal: &Portal, success: bool) -> Result<HttpResponse, PageError> {
    signed_out(portal, false, !success)
}

/// Signed out; `partly`: elsewhere somebody may still be signed in.
pub(crate) fn signed_out(portal: &Portal, everywhere: bool, partly: bool) -> Result<HttpResponse, PageError> {
    let shown = SignedOutPage {
        frame: frame(portal, None, None),
        everywhere,
        partly,
    };
    page(StatusCode::OK, &shown)
}
