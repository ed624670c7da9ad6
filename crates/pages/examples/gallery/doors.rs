//! The views of the way to the administration, and in and out there.

use llmgw_pages::admin::{Frame, MessagePage, Place, RefusedKey, SignInPage, SignedOutPage, Who};
use llmgw_pages::portal::HandOverPage;

use super::samples::inside;
use super::words::Words;

/// Where the portal is.
pub(crate) const PORTAL: &str = "https://llm.uni-musterstadt.example";

/// Where the administration is.
pub(crate) const ADMINISTRATION: &str = "https://llm-admin.uni-musterstadt.example";

/// The frame of the administration for somebody who is signed in.
pub(crate) fn signed_in(words: &Words, here: Option<Place>, may_change: bool) -> Frame {
    Frame {
        person: Some(Who {
            name: words.person.clone(),
            may_change,
            signs_out_everywhere: may_change,
            csrf: "csrf-of-the-session".to_owned(),
        }),
        here,
        ..Frame::default()
    }
}

pub(crate) fn hand_over(words: &Words) -> HandOverPage {
    HandOverPage {
        frame: inside(words, None),
        admin: ADMINISTRATION.to_owned(),
        token: "header.claims.signature".to_owned(),
    }
}

pub(crate) fn admin_sign_in(words: &Words, portal: Option<&str>, refused: Option<RefusedKey>) -> SignInPage {
    SignInPage {
        frame: Frame::default(),
        portal: portal.map(str::to_owned),
        back: format!("/models?search={}", words.key),
        refused,
    }
}

pub(crate) fn admin_signed_out(everywhere: bool) -> SignedOutPage {
    SignedOutPage {
        frame: Frame::default(),
        everywhere,
        portal: everywhere.then(|| PORTAL.to_owned()),
    }
}

pub(crate) fn admin_message(words: &Words) -> MessagePage {
    MessagePage {
        frame: signed_in(words, None, true),
        status: 403,
        title: format!("This is for administrators: {}", words.key),
        text: words.text.clone(),
    }
}
