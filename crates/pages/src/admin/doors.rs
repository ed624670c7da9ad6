//! Pages on the way in and out, and what did not work.

use askama::Template;

use super::Frame;

/// Why a key opened nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedKey {
    /// It is not the admin key.
    Wrong,
    /// It was one of too many; after this time one may try again.
    Wait {
        /// How long that is.
        seconds: u64,
    },
}

/// Where administrators and auditors sign in: `POST /sign-in` with `key` and `return`, or at the portal.
#[derive(Clone, Template)]
#[template(path = "admin/sign_in.html")]
pub struct SignInPage {
    /// What stands around the page.
    pub frame: Frame,
    /// Where the portal is, from which people are handed over; without, only the admin key opens.
    pub portal: Option<String>,
    /// The path to go to then.
    pub back: String,
    /// What came of the last attempt.
    pub refused: Option<RefusedKey>,
}

/// Says that somebody is signed out.
#[derive(Clone, Template)]
#[template(path = "admin/signed_out.html")]
pub struct SignedOutPage {
    /// What stands around the page.
    pub frame: Frame,
    /// Whether all sessions of the person ended, those at the portal included.
    pub everywhere: bool,
    /// Where the portal is, if there is one.
    pub portal: Option<String>,
}

/// Says that something did not work, or may not be seen.
#[derive(Clone, Template)]
#[template(path = "admin/message.html")]
pub struct MessagePage {
    /// What stands around the page.
    pub frame: Frame,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, in a few words.
    pub title: String,
    /// What that means and what to do.
    pub text: String,
}
