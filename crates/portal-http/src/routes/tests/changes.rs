//! No change without the token of the session's pages.

use actix_web::http::Method;

use super::world::{Browser, World, agreement, run};

/// Every route that changes something, and a body it would follow.
const CHANGES: [(&str, &str, &str); 14] = [
    ("POST", "/agreement", "version=1"),
    ("POST", "/keys", "name=forged&expires=never"),
    ("POST", "/keys/KEY/rename", "name=forged"),
    ("POST", "/keys/KEY/rotate", "overlap=0"),
    ("POST", "/keys/KEY/revoke", ""),
    ("POST", "/logout", ""),
    ("POST", "/logout/everywhere", ""),
    ("POST", "/handover", ""),
    ("POST", "/api/v1/me/agreement", r#"{"version":"1"}"#),
    ("POST", "/api/v1/me/keys", r#"{"name":"forged"}"#),
    ("PATCH", "/api/v1/me/keys/KEY", r#"{"name":"forged"}"#),
    ("POST", "/api/v1/me/keys/KEY/rotate", "{}"),
    ("DELETE", "/api/v1/me/keys/KEY", ""),
    ("POST", "/api/v1/me/logout", r#"{"everywhere":true}"#),
];

/// Those that the identity provider's pages call: signatures stand in for the token.
const BY_THE_INSTITUTION: usize = 2;

#[test]
fn the_table_has_every_route_that_changes_something() {
    let routes = [include_str!("../../routes.rs"), include_str!("../../api.rs")].concat();
    let found: usize = ["web::post()", "web::put()", "web::patch()", "web::delete()"]
        .iter()
        .map(|method| routes.matches(method).count())
        .sum();
    assert_eq!(found, CHANGES.len() + BY_THE_INSTITUTION);
}

// What a page elsewhere can send, or guess.
async fn forged(world: &World, browser: &Browser, change: (&str, &str, &'static str), key: &str) {
    let (method, path, body) = change;
    let path = path.replace("KEY", key);
    let api = path.starts_with("/api/");
    let kind = if api {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    let method: Method = method.parse().unwrap();
    let with = |token: Option<&str>, site: Option<&str>| {
        let mut request = browser
            .request(method.clone(), &path)
            .insert_header(("content-type", kind));
        if let Some(site) = site {
            request = request.insert_header(("sec-fetch-site", site));
        }
        match (token, api) {
            (Some(token), true) => request.insert_header(("x-csrf-token", token)).set_payload(body),
            (Some(token), false) => request.set_payload(format!("csrf={token}&{body}")),
            (None, _) => request.set_payload(body),
        }
    };
    let other = world.came_in().await.csrf;
    for request in [
        with(None, None),
        with(Some(""), None),
        with(Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), None),
        with(Some(&other), None),
        with(Some(&browser.csrf), Some("cross-site")),
        with(Some(&browser.csrf), Some("same-site")),
    ] {
        let answer = world.send(request).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
    }
}

#[test]
fn no_change_is_made_without_the_token_of_its_session() {
    run(async {
        for change in CHANGES {
            let world = World::with(|site| {
                // Nothing but the token stands in the way.
                if change.1.contains("agreement") {
                    site.agreement = agreement("1");
                }
            });
            let browser = world.came_in().await;
            let mut key = "00000000-0000-7000-8000-000000000000".to_owned();
            if !change.1.contains("agreement") {
                let made = world
                    .post(&browser, "/keys", &[("name", "mine"), ("expires", "never")])
                    .await;
                assert_eq!(made.status, 200, "{}", made.text);
                let listed = world.get(&browser, "/api/v1/me/keys").await;
                let listed: serde_json::Value = serde_json::from_str(&listed.text).unwrap();
                listed["data"][0]["id"].as_str().unwrap().clone_into(&mut key);
            }
            let before = (world.key_names().await, world.user().await.agreement);
            forged(&world, &browser, change, &key).await;
            assert_eq!((world.key_names().await, world.user().await.agreement), before);
            assert_eq!(
                world.get(&browser, "/api/v1/me").await.status,
                200,
                "still signed in"
            );
        }
    });
}

#[test]
fn a_form_is_a_form() {
    run(async {
        let world = World::new();
        let browser = world.came_in().await;
        let body = format!("csrf={}&name=x&expires=never", browser.csrf);
        let request = browser
            .request(Method::POST, "/keys")
            .insert_header(("content-type", "text/plain"))
            .set_payload(body.clone());
        assert_eq!(
            world.send(request).await.status,
            403,
            "another site can send this without asking"
        );
        let request = browser
            .request(Method::POST, "/keys")
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .set_payload(body);
        assert_eq!(world.send(request).await.status, 200);
    });
}
