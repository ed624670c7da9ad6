//! Forms: read only together with whose they are, so that none is followed that came from elsewhere.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use llmgw_browser_http::Fields;

use crate::errors::PageError;
use crate::session::{Member, Person, Unbound};

/// A change that a member asked for.
pub(crate) struct Change {
    pub(crate) person: Person,
    pub(crate) fields: Fields,
}

/// A change that somebody asked for who has not accepted the agreement, or need not.
pub(crate) struct UnboundChange {
    pub(crate) person: Person,
    pub(crate) fields: Fields,
}

async fn fields(
    request: &HttpRequest,
    person: &Person,
    body: impl Future<Output = Result<Bytes, actix_web::Error>>,
) -> Result<Fields, PageError> {
    let body = body.await.map_err(|_| PageError::TooLong)?;
    let fields = Fields::read(request, &body).map_err(|_| PageError::Forged)?;
    let csrf = fields.all("csrf").next().map(str::to_owned);
    if person.asked_for(request, csrf.as_deref()) {
        Ok(fields)
    } else {
        Err(PageError::Forged)
    }
}

macro_rules! change {
    ($change:ident, $who:ident) => {
        impl FromRequest for $change {
            type Error = PageError;
            type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

            fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
                let who = $who::from_request(request, payload);
                let body = Bytes::from_request(request, payload);
                let request = request.clone();
                Box::pin(async move {
                    let $who(person) = who.await?;
                    let fields = fields(&request, &person, body).await?;
                    Ok(Self { person, fields })
                })
            }
        }
    };
}

change!(Change, Member);
change!(UnboundChange, Unbound);
