//! Forms: read only together with whose they are, so that none is followed that came from elsewhere.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use url::form_urlencoded;

use crate::errors::PageError;
use crate::session::{Member, Person, Unbound};

const LONGEST_FORM: usize = 64 * 1024;

/// The fields of a form.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The first of this name, without spaces around it.
    pub(crate) fn one(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default().trim()
    }

    /// All of this name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| value.as_str())
    }
}

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
    let is_form = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let body = body.await.map_err(|_| PageError::TooLong)?;
    if !is_form || body.len() > LONGEST_FORM {
        return Err(PageError::Forged);
    }
    let fields = Fields(form_urlencoded::parse(&body).into_owned().collect());
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
