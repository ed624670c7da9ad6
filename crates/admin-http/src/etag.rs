//! Revisions as entity tags (RFC 9110 8.8.3): what a caller saw, so that nobody overwrites what they have not seen.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{ETAG, IF_MATCH};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder};
use llmgw_types::Revision;
use serde::Serialize;

use crate::problem::Problem;

/// What the caller saw: `If-Match`. `None` where they do not care.
pub(crate) struct Seen(pub(crate) Option<Revision>);

impl FromRequest for Seen {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(tag) = request.headers().get(IF_MATCH) else {
            return ready(Ok(Self(None)));
        };
        let tag = tag.to_str().unwrap_or_default().trim();
        if tag == "*" {
            return ready(Ok(Self(None)));
        }
        // A tag that is none of ours is that of something else (RFC 9110 13.1.1).
        let number = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let revision = number.and_then(|number| number.parse().ok());
        ready(revision.map(|seen| Self(Some(seen))).ok_or_else(Problem::changed))
    }
}

/// An answer that tells the revision of what it shows.
pub(crate) fn tagged(
    mut answer: HttpResponseBuilder,
    revision: Revision,
    body: impl Serialize,
) -> HttpResponse {
    answer.insert_header((ETAG, format!("\"{revision}\""))).json(body)
}
