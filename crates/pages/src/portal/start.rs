//! Pages on the way in and out.

use askama::Template;

use crate::look::Frame;

/// How people sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// At their institution.
    Institution {
        /// Where that begins.
        href: String,
    },
    /// With a link that somebody gave them; there is nothing to press here.
    Link,
}

/// Where people sign in.
#[derive(Clone, Template)]
#[template(path = "portal/sign_in.html")]
pub struct SignInPage {
    /// What stands around the page.
    pub frame: Frame,
    /// How people sign in.
    pub way: Way,
}

/// The terms of use, to agree to: `POST /agreement` with `csrf` and `version`.
#[derive(Clone, Template)]
#[template(path = "portal/agreement.html")]
pub struct AgreementPage {
    /// What stands around the page.
    pub frame: Frame,
    /// Which version of the terms this is.
    pub version: String,
    /// The terms, as [`markdown`](crate::look::markdown) made them. This field alone is not escaped.
    pub html: String,
    /// Whether this person agreed to another version before.
    pub changed: bool,
}

/// Says that an account may not use the service. It is the same for every reason, so that it tells nobody how the
/// service chooses.
#[derive(Clone, Template)]
#[template(path = "portal/refused.html")]
pub struct RefusedPage {
    /// What stands around the page.
    pub frame: Frame,
}

/// Says that something did not work.
#[derive(Clone, Template)]
#[template(path = "portal/error.html")]
pub struct ErrorPage {
    /// What stands around the page.
    pub frame: Frame,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, in a few words.
    pub title: String,
    /// What that means and what to do.
    pub text: String,
    /// Where a link back leads; without, one leads to the start page.
    pub back: Option<String>,
}

/// Says that somebody is signed out.
#[derive(Clone, Template)]
#[template(path = "portal/signed_out.html")]
pub struct SignedOutPage {
    /// What stands around the page.
    pub frame: Frame,
    /// Whether all sessions of the person ended.
    pub everywhere: bool,
    /// Whether the institution may still hold a session.
    pub partly: bool,
}

/// Asks whether to sign out: `POST /logout` or `POST /logout/everywhere`, each with `csrf`.
#[derive(Clone, Template)]
#[template(path = "portal/leave.html")]
pub struct LeavePage {
    /// What stands around the page.
    pub frame: Frame,
}

/// Leads on to the administration: a form to there with a token that is good for a minute. It is sent by a button, since
/// pages work without scripts, and in a form, since addresses are written down in logs and histories.
#[derive(Clone, Template)]
#[template(path = "portal/hand_over.html")]
pub struct HandOverPage {
    /// What stands around the page.
    pub frame: Frame,
    /// Where the administration is: scheme, host and port.
    pub admin: String,
    /// The token.
    pub token: String,
}
