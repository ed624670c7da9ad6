//! The views of the way in and out, and of keys.

use llmgw_pages::look::{NoticeKind, Place, markdown};
use llmgw_pages::portal::{
    AgreementPage, ErrorPage, FieldError, KeyRow, KeyStateView, KeysPage, LeavePage, MadeKeyPage, NewKeyForm,
    RefusedPage, RevokePage, SignInPage, SignedOutPage, Way,
};

use super::samples::{inside, noticed, outside, time};
use super::words::Words;

const TERMS: &str = "# Who may use it\n\nMembers of the university, for study, research and work.\n\n\
    # What to heed\n\n- Keep your keys to yourself.\n- Do not send personal data of others.\n\
    - Check every answer: models make mistakes.\n\n# What we store\n\n\
    We count requests and tokens. We store neither questions nor answers. See the [long text](/terms).\n\n";

pub(crate) fn sign_in(words: &Words, institution: bool) -> SignInPage {
    let way = if institution {
        Way::Institution {
            href: "/saml/login".to_owned(),
        }
    } else {
        Way::Link
    };
    SignInPage {
        frame: outside(words),
        way,
    }
}

pub(crate) fn agreement(words: &Words, changed: bool) -> AgreementPage {
    let html = markdown(&format!("{TERMS}{}", words.text));
    AgreementPage {
        frame: inside(words, None),
        version: "2026-10".to_owned(),
        html,
        changed,
    }
}

pub(crate) fn refused(words: &Words) -> RefusedPage {
    RefusedPage {
        frame: outside(words),
    }
}

pub(crate) fn error(words: &Words, signed_in: bool) -> ErrorPage {
    let frame = if signed_in {
        inside(words, Some(Place::Keys))
    } else {
        outside(words)
    };
    let title = format!("This did not work: {}", words.key);
    ErrorPage {
        frame,
        status: 503,
        title,
        text: words.text.clone(),
        back: signed_in.then(|| "/keys".to_owned()),
    }
}

pub(crate) fn signed_out(words: &Words, partly: bool) -> SignedOutPage {
    SignedOutPage {
        frame: outside(words),
        everywhere: partly,
        partly,
    }
}

pub(crate) fn leave(words: &Words) -> LeavePage {
    LeavePage {
        frame: inside(words, None),
    }
}

pub(crate) fn revoke(words: &Words) -> RevokePage {
    let frame = inside(words, Some(Place::Keys));
    RevokePage {
        frame,
        id: "k1".to_owned(),
        name: words.key.clone(),
        hint: "sk-llmgw-7Kq…8WjY".to_owned(),
    }
}

pub(crate) fn made(words: &Words, rotated: bool) -> MadeKeyPage {
    MadeKeyPage {
        frame: inside(words, Some(Place::Keys)),
        name: words.key.clone(),
        text: format!("sk-llmgw-{}", "7Kq2mVx9Tz".repeat(4) + "R4bNc8WjY"),
        base_url: "https://llm.uni-musterstadt.example/v1".to_owned(),
        model: (!rotated).then(|| words.model.clone()),
        rotated_overlap: rotated.then(|| "24 hours".to_owned()),
    }
}

pub(crate) fn keys(words: &Words, wrong: Option<&str>) -> KeysPage {
    let error = wrong.map(|field| FieldError {
        field: field.to_owned(),
        text: words.text.clone(),
    });
    let sent = NewKeyForm {
        name: words.key.clone(),
        models: vec![words.model.clone()],
        expires: "date".to_owned(),
        date: "2026-11-01".to_owned(),
        error,
    };
    let frame = inside(words, Some(Place::Keys));
    KeysPage {
        frame: if wrong.is_none() {
            noticed(frame, NoticeKind::Good, "The key was revoked.")
        } else {
            frame
        },
        keys: key_rows(words, wrong.is_some()),
        models: vec![
            words.model.clone(),
            "gemma-3-27b".to_owned(),
            "bge-m3".to_owned(),
            "whisper-large-v3".to_owned(),
        ],
        count: 3,
        most: 5,
        form: if wrong.is_some() {
            sent
        } else {
            NewKeyForm::default()
        },
        min_date: "2026-11-27".to_owned(),
    }
}

fn key_rows(words: &Words, wrong: bool) -> Vec<KeyRow> {
    let first = KeyRow {
        id: "k1".to_owned(),
        name: words.key.clone(),
        hint: "sk-llmgw-7Kq…8WjY".to_owned(),
        models: Vec::new(),
        created: time(-900),
        last_used: Some(time(-2)),
        expires: Some(time(1_200)),
        state: KeyStateView::Active,
        replaced: false,
        rename_error: wrong.then(|| words.text.clone()),
    };
    let variant = |id: &str, name: &str, state| KeyRow {
        id: id.to_owned(),
        name: name.to_owned(),
        hint: format!("sk-llmgw-{id}X…mVx9"),
        state,
        rename_error: None,
        ..first.clone()
    };
    let models = vec![words.model.clone(), "bge-m3".to_owned()];
    vec![
        variant("k4", "Course 2025", KeyStateView::Revoked),
        KeyRow {
            models,
            expires: None,
            last_used: None,
            ..variant("k2", "Thesis scripts", KeyStateView::Active)
        },
        KeyRow {
            replaced: true,
            expires: Some(time(20)),
            ..variant("k3", &words.key, KeyStateView::Expiring)
        },
        variant("k5", &words.key, KeyStateView::Expired),
        first,
    ]
}
