//! What stands on pages, and what their forms do.

use llmgw_types::Role;

use super::browsers::Browser;
use super::*;

const LISTS: [&str; 10] = [
    "/",
    "/models",
    "/keys",
    "/users",
    "/limits",
    "/reports",
    "/chargeback",
    "/audit",
    "/audit/check",
    "/group?group=staff",
];

const FORMS: [&str; 3] = ["/new-model", "/new-key", "/new-user"];

impl World {
    async fn see(&self, browser: &Browser, path: &str) -> String {
        let answer = self.send(browser.request("GET", path)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// Sends a form of a page.
    async fn fill(&self, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = vec![("csrf", browser.csrf.as_str())];
        form.extend(fields);
        self.send(browser.request("POST", path).set_form(form)).await
    }

    async fn actions(&self) -> Vec<String> {
        let entries = self.entries().await;
        let mut done: Vec<String> = entries
            .into_iter()
            .filter(|entry| entry.stage == Stage::Done && entry.action != "session.open")
            .map(|entry| entry.action)
            .collect();
        done.reverse();
        done
    }

    async fn with_everything(&self, browser: &Browser) -> (String, String) {
        let model = [
            ("id", "org/m"),
            ("access", "groups"),
            ("groups", "staff"),
            ("target_rows", "1"),
            ("target_0_base_url", "http://gpu:1"),
            ("price_prompt", "0.5"),
            ("limits_rows", "1"),
            ("limits_0_of", "tokens/day"),
            ("limits_0_amount", "200,000"),
        ];
        assert_eq!(self.fill(browser, "/new-model", &model).await.status, 303);
        let key = [
            ("owner", "bob"),
            ("name", "Notebook"),
            ("limits_rows", "1"),
            ("limits_0_of", "cost/month"),
            ("limits_0_amount", "2.50"),
        ];
        assert_eq!(self.fill(browser, "/new-key", &key).await.status, 200);
        let (_, keys) = self.ask("GET", "/api/v1/keys", None).await;
        let text = |name: &str| keys["data"][0][name].as_str().unwrap().to_owned();
        (text("id"), text("owner_id"))
    }
}

#[actix_web::test]
async fn every_page_is_there_when_all_is_empty_and_when_it_is_not() {
    let world = world();
    let admin = world.came_in("ada", Role::Admin).await;
    let auditor = world.came_in("olga", Role::Auditor).await;
    for path in LISTS.into_iter().chain(FORMS) {
        world.see(&admin, path).await;
    }
    let (key, owner) = world.with_everything(&admin).await;
    let set = [
        ("group", "staff"),
        ("each_rows", "1"),
        ("each_0_of", "in_flight"),
        ("each_0_amount", "3"),
    ];
    assert_eq!(world.fill(&admin, "/group", &set).await.status, 303);
    let pages = [
        format!("/keys/{key}"),
        format!("/users/{owner}"),
        "/models/org/m".to_owned(),
    ];
    for path in LISTS.iter().copied().chain(pages.iter().map(String::as_str)) {
        world.see(&admin, path).await;
        let page = world.see(&auditor, path).await;
        // Only to leave, and whatever cannot be pressed.
        let posts = page.matches("method=\"post\"").count();
        assert_eq!(
            posts - page.matches("<fieldset class=\"whole\" disabled>").count(),
            1,
            "{path}"
        );
    }
    for path in ["/revoke", "/suspend", "/sign-out", "/erase"] {
        let of = if path == "/revoke" {
            format!("/keys/{key}")
        } else {
            format!("/users/{owner}")
        };
        assert!(
            world
                .see(&admin, &format!("{of}{path}"))
                .await
                .contains("name=\"csrf\"")
        );
    }
    assert!(world.see(&admin, "/models").await.contains("http://gpu:1"));
    assert!(
        world
            .see(&admin, "/limits")
            .await
            .contains("3 requests at the same time")
    );
    assert!(world.see(&admin, &pages[0]).await.contains("2.50"));
}

#[actix_web::test]
async fn what_forms_ask_for_is_done_and_written_down() {
    let world = world();
    let admin = world.came_in("ada", Role::Admin).await;
    let (key, owner) = world.with_everything(&admin).await;
    let (key_at, user_at) = (format!("/keys/{key}"), format!("/users/{owner}"));
    let changes: [(String, &[(&str, &str)]); 10] = [
        (
            "/models/org/m".to_owned(),
            &[("seen", "0"), ("state", "disabled")],
        ),
        ("/remove-model/org/m".to_owned(), &[("seen", "1")]),
        (
            key_at.clone(),
            &[("seen", "0"), ("name", "Desk"), ("expires_at", "2030-01-31")],
        ),
        (format!("{key_at}/revoke"), &[]),
        (
            user_at.clone(),
            &[
                ("seen", "0"),
                ("name", "bob"),
                ("role", "auditor"),
                ("groups", "a, b"),
            ],
        ),
        (format!("{user_at}/suspend"), &[("seen", "1")]),
        (format!("{user_at}/resume"), &[]),
        (format!("{user_at}/sign-out"), &[]),
        (
            "/limits".to_owned(),
            &[
                ("each_user_from", "settings"),
                ("everyone_from", "set"),
                ("everyone_rows", "1"),
                ("everyone_0_of", "requests/day"),
                ("everyone_0_amount", "9"),
            ],
        ),
        (format!("{user_at}/erase"), &[("seen", "3")]),
    ];
    for (path, fields) in &changes {
        let answer = world.fill(&admin, path, fields).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text());
    }
    let expected = [
        "model.create",
        "key.create",
        "model.replace",
        "model.remove",
        "key.change",
        "key.revoke",
        "user.change",
        "user.change",
        "user.change",
        "user.sign_out",
        "limits.set",
        "user.erase",
    ];
    assert_eq!(world.actions().await, expected);
    // The last day is a day of use, and who was erased leaves a key that is revoked.
    let (_, read) = world.ask("GET", &format!("/api/v1/keys/{key}"), None).await;
    assert_eq!(
        (&read["state"], &read["expires_at"]),
        (&json!("revoked"), &json!("2030-02-01T00:00:00.000000Z"))
    );
    let (_, limits) = world.ask("GET", "/api/v1/limits", None).await;
    assert_eq!(limits["everyone"]["limits"][0]["amount"], 9);
}

// Fields and their texts.
type Typed = &'static [(&'static str, &'static str)];

#[actix_web::test]
async fn a_form_that_is_refused_keeps_what_was_typed() {
    let world = world();
    let admin = world.came_in("ada", Role::Admin).await;
    let wrong: [(&str, Typed, &str); 4] = [
        (
            "/new-model",
            &[("id", "typed!"), ("owned_by", "typed-owner")],
            "typed!",
        ),
        (
            "/new-model",
            &[
                ("id", "m"),
                ("target_rows", "1"),
                ("target_0_base_url", "ftp://typed"),
            ],
            "ftp://typed",
        ),
        (
            "/new-key",
            &[("owner", "bob"), ("expires_at", "1999-01-01")],
            "1999-01-01",
        ),
        ("/new-user", &[("name", "typed"), ("role", "king")], "typed"),
    ];
    for (path, fields, typed) in wrong {
        let answer = world.fill(&admin, path, fields).await;
        let page = answer.text();
        assert_eq!(answer.status, 422, "{path}: {page}");
        assert!(
            page.contains(&format!("value=\"{typed}\"")) && page.contains("role=\"alert\""),
            "{path}: {page}"
        );
    }
    let amount = [
        ("owner", "bob"),
        ("limits_rows", "1"),
        ("limits_0_of", "cost/day"),
        ("limits_0_amount", "much"),
    ];
    let page = world.fill(&admin, "/new-key", &amount).await.text();
    assert!(page.contains("id=\"limits_0_amount-error\""), "{page}");
    let ignored = [
        ("everyone_from", "settings"),
        ("each_user_from", "settings"),
        ("everyone_rows", "1"),
        ("everyone_0_of", "requests/day"),
        ("everyone_0_amount", "9"),
    ];
    let page = world.fill(&admin, "/limits", &ignored).await.text();
    assert!(page.contains("id=\"everyone_from-error\""), "{page}");
    assert!(world.actions().await.is_empty());
}

#[actix_web::test]
async fn who_is_overtaken_sees_what_is_there_and_may_save_again() {
    let world = world();
    let admin = world.came_in("ada", Role::Admin).await;
    world.with_everything(&admin).await;
    let save = async |seen: &str, by: &str| {
        let fields = [("seen", seen), ("owned_by", by), ("access", "everyone")];
        world.fill(&admin, "/models/org/m", &fields).await
    };
    assert_eq!(save("0", "theirs").await.status, 303);
    let answer = save("0", "mine").await;
    let page = answer.text();
    assert_eq!(answer.status, 412, "{page}");
    assert!(page.contains("owned by: <strong>theirs</strong>"), "{page}");
    assert!(
        page.contains("value=\"mine\"") && page.contains("name=\"seen\" value=\"1\""),
        "{page}"
    );
    assert_eq!(save("1", "mine").await.status, 303);
}

#[actix_web::test]
async fn a_form_from_elsewhere_changes_nothing() {
    let world = world();
    let admin = world.came_in("ada", Role::Admin).await;
    let forged = Browser {
        csrf: "another".to_owned(),
        ..admin
    };
    for right in crate::rights::PAGES {
        if right.method != "POST" || ["/sign-in", "/handover"].contains(&right.path) {
            continue;
        }
        let answer = world
            .fill(&forged, &with_parameters(right.path), &[("id", "m")])
            .await;
        assert_eq!(answer.status, 403, "{}", right.path);
    }
    assert!(world.actions().await.is_empty());
}

#[actix_web::test]
async fn a_search_that_makes_no_sense_is_answered_on_its_page() {
    let world = world();
    let admin = world.came_in("ada", Role::Admin).await;
    for path in [
        "/keys?state=odd",
        "/users?role=odd",
        "/audit?from=odd",
        "/reports?by=odd",
        "/chargeback?month=odd",
    ] {
        let answer = world.send(admin.request("GET", path)).await;
        let page = answer.text();
        assert!(
            answer.status == 422 && page.contains("odd"),
            "{path}: {} {page}",
            answer.status
        );
    }
    assert!(
        world
            .see(&admin, "/keys?owner=nobody")
            .await
            .contains("No key fits")
    );
}

#[actix_web::test]
async fn a_secret_that_cannot_be_kept_is_refused_and_not_repeated() {
    let world = world();
    let admin = world.came_in("ada", Role::Admin).await;
    let fields = [
        ("id", "m"),
        ("target_rows", "1"),
        ("target_0_base_url", "http://gpu:1"),
        ("target_0_secret_text", "very-secret"),
    ];
    let answer = world.fill(&admin, "/new-model", &fields).await;
    let page = answer.text();
    assert_eq!(answer.status, 422, "{page}");
    assert!(
        page.contains("http://gpu:1") && !page.contains("very-secret"),
        "{page}"
    );
}
