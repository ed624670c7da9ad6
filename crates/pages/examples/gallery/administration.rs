//! The views of models, keys and users, with much, with nothing, refused, overtaken, and as auditors see them.

use llmgw_pages::Template;
use llmgw_pages::admin::{
    ConfirmPage, Filled, KeyLine, KeyPage, KeyWord, KeysPage, LeftLine, MadePage, ModelLine, ModelPage,
    ModelsPage, NewKeyPage, NewUserPage, Place, UserLine, UserPage, UsersPage, When,
};

use super::doors::signed_in;
use super::samples::Pages;
use super::words::Words;

const NOW: i64 = 1_795_709_100_000_000;

pub(crate) fn when(hours: i64) -> When {
    When::of_micros(NOW + hours * 3_600_000_000, NOW)
}

pub(crate) fn form(values: &[(&str, &str)]) -> Filled {
    let mut form = Filled::default();
    values.iter().for_each(|(name, value)| form.add(name, value));
    form
}

/// Every page of the administration.
pub(crate) fn all(words: &Words) -> llmgw_pages::Result<Pages> {
    let refused = |form: Filled, field: &str| form.refused(&format!("{field}: {}", words.text));
    let now = form(&[("name", &words.person), ("seen", "8"), ("models", "")]);
    let mut pages = vec![
        ("admin-models", models(words, 3).render()?),
        ("admin-models-empty", models(words, 0).render()?),
        ("admin-model-new", model(words, None, true, new_model()).render()?),
        (
            "admin-model",
            model(words, Some(&words.model), true, old_model(words)).render()?,
        ),
        (
            "admin-model-auditor",
            model(words, Some(&words.model), false, old_model(words)).render()?,
        ),
        (
            "admin-model-wrong",
            model(words, None, true, refused(old_model(words), "target_0_base_url")).render()?,
        ),
        (
            "admin-model-overtaken",
            model(words, Some(&words.model), true, old_model(words).overtaken(&now)).render()?,
        ),
        ("admin-remove", confirm(words).render()?),
        ("admin-keys", keys(words, 3).render()?),
        ("admin-keys-empty", keys(words, 0).render()?),
        ("admin-key-new", new_key(words, new_key_form(words)).render()?),
        (
            "admin-key-new-wrong",
            new_key(words, refused(new_key_form(words), "expires_at")).render()?,
        ),
        ("admin-key-made", made(words).render()?),
        ("admin-key", key_page(words, true, KeyWord::Active).render()?),
        (
            "admin-key-auditor",
            key_page(words, false, KeyWord::Expired).render()?,
        ),
        (
            "admin-key-revoked",
            key_page(words, true, KeyWord::Revoked).render()?,
        ),
    ];
    pages.extend(others(words)?);
    pages.extend(super::figures::all(words)?);
    Ok(pages)
}

fn others(words: &Words) -> llmgw_pages::Result<Pages> {
    Ok(vec![
        ("admin-users", users(words, 3).render()?),
        ("admin-users-empty", users(words, 0).render()?),
        ("admin-user-new", new_user(words).render()?),
        ("admin-user", user_page(words, true, "active").render()?),
        (
            "admin-user-suspended",
            user_page(words, true, "suspended").render()?,
        ),
        ("admin-user-auditor", user_page(words, false, "active").render()?),
        ("admin-user-erased", user_page(words, true, "erased").render()?),
    ])
}

fn models(words: &Words, count: usize) -> ModelsPage {
    let line = |number: usize| ModelLine {
        id: words.model.clone(),
        href: "/models/m".to_owned(),
        aliases: vec!["default".to_owned()],
        targets: (0..number)
            .map(|n| format!("http://gpu-{n}.example:8000"))
            .collect(),
        price: (number > 0).then(|| ("0.50".to_owned(), "1.50".to_owned())),
        groups: (number > 1).then(|| vec!["staff".to_owned(); number - 2]),
        active: number != 1,
    };
    ModelsPage {
        frame: signed_in(words, Some(Place::Models), true),
        models: (0..count).map(line).collect(),
        currency: "EUR".to_owned(),
    }
}

fn new_model() -> Filled {
    form(&[
        ("target_rows", "1"),
        ("limits_rows", "2"),
        ("owned_by", "llmgateway"),
    ])
}

fn old_model(words: &Words) -> Filled {
    form(&[
        ("seen", "7"),
        ("state", "disabled"),
        ("access", "groups"),
        ("groups", "staff, students"),
        ("aliases", &words.key),
        ("owned_by", &words.institution),
        ("target_rows", "2"),
        ("target_0_base_url", &words.model),
        ("target_0_secret", "env:GPU_1"),
        ("target_0_quirk", "no_stream_usage"),
        ("price_prompt", "0.50"),
        ("limits_rows", "3"),
        ("limits_0_of", "tokens/day"),
        ("limits_0_amount", "200,000"),
        ("endpoint", "embeddings"),
    ])
}

fn model(words: &Words, id: Option<&str>, may_change: bool, form: Filled) -> ModelPage {
    ModelPage {
        frame: signed_in(words, Some(Place::Models), may_change),
        id: id.map(str::to_owned),
        action: "/models/m".to_owned(),
        remove: "/remove-model/m".to_owned(),
        form,
        endpoints: vec!["chat_completions".to_owned(), "embeddings".to_owned()],
        currency: "EUR".to_owned(),
        takes_secrets: true,
    }
}

fn confirm(words: &Words) -> ConfirmPage {
    ConfirmPage {
        frame: signed_in(words, Some(Place::Models), true),
        title: "Remove this model?".to_owned(),
        subject: words.model.clone(),
        text: words.text.clone(),
        action: "/remove-model/m".to_owned(),
        fields: vec![("seen".to_owned(), "7".to_owned())],
        confirm: "Remove".to_owned(),
        keep: "/models/m".to_owned(),
    }
}

fn key(words: &Words, state: KeyWord) -> KeyLine {
    KeyLine {
        id: "k1".to_owned(),
        name: words.key.clone(),
        hint: "sk-llmgw-7Kq…8WjY".to_owned(),
        owner: words.person.clone(),
        owner_id: "u1".to_owned(),
        state,
        created: when(-900),
        last_used: (state == KeyWord::Active).then(|| when(-2)),
        expires: (state != KeyWord::Revoked).then(|| when(700)),
        limits: vec!["100 requests per day".to_owned()],
    }
}

fn keys(words: &Words, count: usize) -> KeysPage {
    let states = [KeyWord::Active, KeyWord::Expired, KeyWord::Revoked];
    KeysPage {
        frame: signed_in(words, Some(Place::Keys), true),
        filter: form(&[("owner", &words.person), ("state", "active")]),
        filtered: count > 0,
        keys: states
            .into_iter()
            .take(count)
            .map(|state| key(words, state))
            .collect(),
        next: (count > 0).then(|| "/keys?after=x".to_owned()),
        first: (count > 0).then(|| "/keys?".to_owned()),
    }
}

fn new_key_form(words: &Words) -> Filled {
    form(&[
        ("owner", &words.person),
        ("name", &words.key),
        ("limits_rows", "2"),
    ])
}

fn new_key(words: &Words, form: Filled) -> NewKeyPage {
    NewKeyPage {
        frame: signed_in(words, Some(Place::Keys), true),
        form,
    }
}

fn made(words: &Words) -> MadePage {
    MadePage {
        frame: signed_in(words, Some(Place::Keys), true),
        id: "k1".to_owned(),
        name: words.key.clone(),
        owner: words.person.clone(),
        text: format!("sk-llmgw-{}", "7Kq2mVx9Tz".repeat(4) + "R4bNc8WjY"),
        overlap: Some("24 hours".to_owned()),
    }
}

fn left(words: &Words) -> LeftLine {
    LeftLine {
        of: words.key.clone(),
        what: "tokens per day".to_owned(),
        amount: "200,000".to_owned(),
        used: "12,345".to_owned(),
        left: "187,655".to_owned(),
        resets: Some(when(7)),
    }
}

fn key_page(words: &Words, may_change: bool, state: KeyWord) -> KeyPage {
    KeyPage {
        frame: signed_in(words, Some(Place::Keys), may_change),
        key: key(words, state),
        form: new_key_form(words),
        left: may_change.then(|| vec![left(words)]),
    }
}

fn user(words: &Words, state: &str) -> UserLine {
    UserLine {
        id: "u1".to_owned(),
        name: words.person.clone(),
        mail: Some(words.mail.clone()),
        from_institution: state == "active",
        groups: vec!["staff".to_owned(), words.key.clone()],
        role: "auditor".to_owned(),
        state: state.to_owned(),
        last_login: (state == "active").then(|| when(-30)),
        created: when(-3_000),
    }
}

fn users(words: &Words, count: usize) -> UsersPage {
    let states = ["active", "suspended", "erased"];
    UsersPage {
        frame: signed_in(words, Some(Place::Users), true),
        filter: form(&[("search", &words.person), ("role", "auditor")]),
        filtered: count > 0,
        users: states
            .into_iter()
            .take(count)
            .map(|state| user(words, state))
            .collect(),
        next: None,
        first: (count > 0).then(|| "/users?".to_owned()),
    }
}

fn user_form(words: &Words) -> Filled {
    form(&[
        ("seen", "3"),
        ("name", &words.person),
        ("mail", &words.mail),
        ("role", "auditor"),
        ("limits_rows", "2"),
    ])
}

fn new_user(words: &Words) -> NewUserPage {
    NewUserPage {
        frame: signed_in(words, Some(Place::Users), true),
        form: user_form(words).refused("name: is taken"),
    }
}

fn user_page(words: &Words, may_change: bool, state: &str) -> UserPage {
    UserPage {
        frame: signed_in(words, Some(Place::Users), may_change),
        user: user(words, state),
        form: user_form(words),
        left: Some(if may_change { vec![left(words)] } else { Vec::new() }),
    }
}
