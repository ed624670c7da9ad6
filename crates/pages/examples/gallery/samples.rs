//! Every view in several states.

use llmgw_pages::Template;
use llmgw_pages::admin::RefusedKey;
use llmgw_pages::look::{Frame, Notice, NoticeKind, Place, SiteNames, Time, Who};
use llmgw_pages::portal::{KeysPage, LimitsPage, ModelsPage, UsagePage};

use super::doors::{PORTAL, admin_message, admin_sign_in, admin_signed_out, hand_over};
use super::lists::{limits, models, usage, usage_empty};
use super::views::{agreement, error, keys, leave, made, refused, revoke, sign_in, signed_out};
use super::words::Words;

/// Pages by name.
pub(crate) type Pages = Vec<(&'static str, String)>;

/// All pages, made of `words`.
pub(crate) fn all(words: &Words) -> llmgw_pages::Result<Pages> {
    let mut pages = vec![
        ("sign-in", sign_in(words, true).render()?),
        ("sign-in-link", sign_in(words, false).render()?),
        ("agreement", agreement(words, false).render()?),
        ("agreement-changed", agreement(words, true).render()?),
        ("made", made(words, false).render()?),
        ("made-rotated", made(words, true).render()?),
        ("revoke", revoke(words).render()?),
        ("refused", refused(words).render()?),
        ("error", error(words, false).render()?),
        ("error-signed-in", error(words, true).render()?),
        ("signed-out", signed_out(words, false).render()?),
        ("signed-out-partly", signed_out(words, true).render()?),
        ("leave", leave(words).render()?),
    ];
    pages.extend(doors(words)?);
    pages.extend(super::administration::all(words)?);
    pages.extend(lists(words)?);
    pages.extend(empty(words)?);
    Ok(pages)
}

/// The way to the administration, and in and out there.
fn doors(words: &Words) -> llmgw_pages::Result<Pages> {
    Ok(vec![
        ("hand-over", hand_over(words).render()?),
        ("admin-sign-in", admin_sign_in(words, None, None).render()?),
        (
            "admin-sign-in-portal",
            admin_sign_in(words, Some(PORTAL), None).render()?,
        ),
        (
            "admin-sign-in-wrong",
            admin_sign_in(words, Some(PORTAL), Some(RefusedKey::Wrong)).render()?,
        ),
        (
            "admin-sign-in-wait",
            admin_sign_in(words, None, Some(RefusedKey::Wait { seconds: 42 })).render()?,
        ),
        ("admin-signed-out", admin_signed_out(false).render()?),
        ("admin-signed-out-everywhere", admin_signed_out(true).render()?),
        ("admin-message", admin_message(words).render()?),
    ])
}

/// Pages with something to list.
fn lists(words: &Words) -> llmgw_pages::Result<Pages> {
    let at_limit = KeysPage {
        count: 5,
        ..keys(words, None)
    };
    let unknown = LimitsPage {
        unknown: true,
        ..limits(words)
    };
    let free = ModelsPage {
        currency: None,
        ..models(words)
    };
    let late = UsagePage {
        late: true,
        currency: None,
        ..usage(words)
    };
    Ok(vec![
        ("keys", keys(words, None).render()?),
        ("keys-name-error", keys(words, Some("name")).render()?),
        ("keys-date-error", keys(words, Some("date")).render()?),
        ("keys-model-error", keys(words, Some("model")).render()?),
        ("keys-expires-error", keys(words, Some("expires")).render()?),
        ("keys-at-limit", at_limit.render()?),
        ("usage", usage(words).render()?),
        ("usage-late", late.render()?),
        ("limits", limits(words).render()?),
        ("limits-unknown", unknown.render()?),
        ("models", models(words).render()?),
        ("models-no-prices", free.render()?),
    ])
}

/// Pages with nothing to list.
fn empty(words: &Words) -> llmgw_pages::Result<Pages> {
    let no_keys = KeysPage {
        keys: Vec::new(),
        count: 0,
        ..keys(words, None)
    };
    let no_limits = LimitsPage {
        limits: Vec::new(),
        ..limits(words)
    };
    let no_models = ModelsPage {
        models: Vec::new(),
        ..models(words)
    };
    Ok(vec![
        ("keys-empty", no_keys.render()?),
        ("usage-empty", usage_empty(words).render()?),
        ("limits-empty", no_limits.render()?),
        ("models-empty", no_models.render()?),
    ])
}

fn site(words: &Words) -> SiteNames {
    SiteNames {
        institution: words.institution.clone(),
        support: Some(words.mail.clone()),
        has_admin_service: true,
    }
}

/// The frame for somebody who is not signed in.
pub(crate) fn outside(words: &Words) -> Frame {
    Frame {
        site: site(words),
        ..Frame::default()
    }
}

/// The frame for somebody who is.
pub(crate) fn inside(words: &Words, here: Option<Place>) -> Frame {
    let person = Who {
        name: words.person.clone(),
        mail: Some(words.mail.clone()),
        is_admin: true,
        csrf: "csrf-of-the-session".to_owned(),
    };
    Frame {
        site: site(words),
        person: Some(person),
        here,
        notice: None,
        degraded: false,
    }
}

pub(crate) fn noticed(frame: Frame, kind: NoticeKind, text: &str) -> Frame {
    Frame {
        notice: Some(Notice {
            kind,
            text: text.to_owned(),
        }),
        ..frame
    }
}

/// A moment, some hours after the first one of the samples.
pub(crate) fn time(hours: i64) -> Time {
    Time::of_micros((1_795_709_100 + hours * 3_600) * 1_000_000)
}
