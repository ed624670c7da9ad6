//! Forms, and whether a change came from a page of its session.

use std::fmt;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

/// The longest form that is read, in bytes.
pub const LONGEST_FORM: usize = 64 * 1024;

/// The fields of a form. `Debug` shows none: some are secrets.
pub struct Fields(Vec<(String, String)>);

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").finish_non_exhaustive()
    }
}

/// A body that is no form, or too long for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormError;

impl Fields {
    /// Those in the body of a request.
    ///
    /// # Errors
    /// When the request does not say that it is a form, or it is too long. Browsers let pages elsewhere send other
    /// kinds of text without asking.
    pub fn read(request: &HttpRequest, body: &[u8]) -> Result<Self, FormError> {
        let is_form = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !is_form || body.len() > LONGEST_FORM {
            return Err(FormError);
        }
        Ok(Self(form_urlencoded::parse(body).into_owned().collect()))
    }

    /// The first of this name, without spaces around it; empty where there is none.
    #[must_use]
    pub fn one(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default().trim()
    }

    /// All of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| value.as_str())
    }

    /// All fields with their values, in the order in which they came.
    pub fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Whether a change came from a page of the session whose token is `expected`; `shown` is what it sent along.
#[must_use]
pub fn proves(request: &HttpRequest, shown: Option<&str>, expected: &str) -> bool {
    let shown = shown.unwrap_or_default().as_bytes();
    bool::from(shown.ct_eq(expected.as_bytes())) && !is_from_elsewhere(request)
}

/// Whether a browser says that a page elsewhere sent this (Fetch metadata, `Sec-Fetch-Site`). Other clients say nothing.
#[must_use]
pub fn is_from_elsewhere(request: &HttpRequest) -> bool {
    let site = request.headers().get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}
