//! One's own keys, and nobody else's.

use actix_web::http::Method;
use llmgw_keys::{ApiKey, KeyStore};
use llmgw_types::{KeyId, UserId};
use serde_json::Value;

use super::world::{Browser, NOW, World, run};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_key_is_made_shown_once_renamed_replaced_and_revoked() {
    run(async {
        let world = World::new();
        let browser = world.came_in().await;
        let made = world
            .post(&browser, "/keys", &[("name", "laptop"), ("expires", "30")])
            .await;
        let text = made.text.split("sk-llmgw-").nth(1).unwrap();
        let text: String = text.chars().take_while(char::is_ascii_alphanumeric).collect();
        assert_eq!(text.len(), 49);
        assert_eq!(made.header("cache-control"), "no-store");
        let listed = world.get(&browser, "/keys").await;
        assert!(listed.text.contains("laptop") && !listed.text.contains(&text));

        let keys = json(&world.get(&browser, "/api/v1/me/keys").await.text);
        let id = keys["data"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(keys["data"][0]["expires_at"], "2027-02-14T08:00:00.000000Z");
        let renamed = world
            .post(&browser, &format!("/keys/{id}/rename"), &[("name", "desk")])
            .await;
        assert_eq!(renamed.status, 303);
        let rotated = world
            .post(&browser, &format!("/keys/{id}/rotate"), &[("overlap", "1h")])
            .await;
        assert!(rotated.text.contains("sk-llmgw-"));
        assert_eq!(world.key_names().await, ["desk", "desk"]);
        let asked = world.get(&browser, &format!("/keys/{id}/revoke")).await;
        assert!(asked.text.contains("desk"));
        let revoked = world.post(&browser, &format!("/keys/{id}/revoke"), &[]).await;
        assert_eq!(revoked.header("location"), "/keys");
        let keys = json(&world.get(&browser, "/api/v1/me/keys").await.text);
        assert_eq!(keys["data"][0]["state"], "revoked");
        assert_eq!(
            (keys["count"].as_u64(), keys["most"].as_u64()),
            (Some(1), Some(3))
        );
    });
}

#[test]
fn a_refused_form_is_shown_again_with_what_was_written() {
    run(async {
        let world = World::new();
        let browser = world.came_in().await;
        let fields = [
            ("name", "a\u{7}b<i>"),
            ("expires", "date"),
            ("date", "2027-13-01"),
        ];
        for (fields, what) in [
            (&fields[..], "value=\"a\u{7}b&#60;i&#62;\""),
            (
                &[("name", "x"), ("expires", "date"), ("date", "2020-01-01")],
                "value=\"2020-01-01\"",
            ),
            (&[("name", "x"), ("expires", "sometime")], "value=\"x\""),
            (
                &[("name", "x"), ("expires", "never"), ("model", "nobodys")],
                "value=\"x\"",
            ),
        ] {
            let answer = world.post(&browser, "/keys", fields).await;
            assert_eq!(answer.status, 400);
            assert!(answer.text.contains(what), "{what} in {}", answer.text);
        }
        assert!(world.key_names().await.is_empty());
        for number in 0..3 {
            let name = format!("key {number}");
            let made = world
                .post(&browser, "/keys", &[("name", &name), ("expires", "never")])
                .await;
            assert_eq!(made.status, 200);
        }
        let full = world
            .post(&browser, "/keys", &[("name", "one more"), ("expires", "never")])
            .await;
        assert_eq!(full.status, 409);
        assert!(full.text.contains("revoke"), "it says what to do");
        assert_eq!(world.key_names().await.len(), 3);
    });
}

#[test]
fn anothers_key_is_not_there() {
    run(async {
        let world = World::new();
        let browser = world.came_in().await;
        world
            .post(&browser, "/keys", &[("name", "mine"), ("expires", "never")])
            .await;
        let page = llmgw_keys::Page {
            after: None,
            limit: 1,
        };
        let mine = world.keys.list(None, page).await.unwrap().remove(0);
        let theirs = ApiKey {
            id: KeyId::new(NOW, [77; 10]),
            hash: llmgw_keys::KeyHash::from_bytes([77; 32]),
            owner: UserId::new(NOW, [78; 10]),
            ..mine
        };
        world.keys.insert(&theirs).await.unwrap();
        let id = theirs.id;
        for (path, fields) in [
            ("rename", ("name", "stolen")),
            ("rotate", ("overlap", "0")),
            ("revoke", ("", "")),
        ] {
            let answer = world
                .post(&browser, &format!("/keys/{id}/{path}"), &[fields])
                .await;
            assert_eq!(answer.status, 404, "{path}");
        }
        assert_eq!(
            world.get(&browser, &format!("/keys/{id}/revoke")).await.status,
            404
        );
        for (method, path) in [
            (Method::PATCH, ""),
            (Method::DELETE, ""),
            (Method::POST, "/rotate"),
        ] {
            let request = browser
                .request(method, &format!("/api/v1/me/keys/{id}{path}"))
                .insert_header(("x-csrf-token", browser.csrf.as_str()))
                .set_json(serde_json::json!({"name": "stolen"}));
            let answer = world.send(request).await;
            assert!(answer.status == 404 || answer.status == 400, "{}", answer.text);
        }
        assert_eq!(world.keys.get(id).await.unwrap(), Some(theirs));
    });
}

#[test]
fn every_page_answers_with_its_policy_and_every_error_of_the_api_is_a_problem() {
    run(async {
        let world = World::new();
        let browser = world.came_in().await;
        for path in [
            "/keys",
            "/usage",
            "/usage?days=1",
            "/usage?days=30",
            "/usage?days=month",
            "/limits",
            "/models",
        ] {
            let page = world.get(&browser, path).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(
                page.header("content-security-policy")
                    .starts_with("default-src 'none'"),
                "{path}"
            );
        }
        assert_eq!(world.get(&browser, "/").await.header("location"), "/keys");
        let first = world.get(&Browser::default(), "/").await;
        assert!(
            first.status == 200 && first.header("set-cookie").is_empty(),
            "a look sets no cookie"
        );
        for (path, status) in [
            ("/nothing", 404),
            ("/usage?days=2", 404),
            ("/keys/x/revoke", 404),
            ("/logout", 405),
        ] {
            let page = world.get(&browser, path).await;
            assert_eq!(page.status, status, "{path}");
            assert!(page.header("content-type").starts_with("text/html"), "{path}");
        }
        for (path, status) in [
            ("/nothing", 404),
            ("/usage?days=2", 404),
            ("/keys/x", 405),
            ("/logout", 405),
        ] {
            let answer = world.get(&browser, &format!("/api/v1/me{path}")).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(
                answer.header("content-type"),
                "application/problem+json",
                "{path}"
            );
            assert_eq!(json(&answer.text)["status"], status);
        }
        let request = browser
            .request(Method::POST, "/api/v1/me/keys")
            .insert_header(("x-csrf-token", browser.csrf.as_str()))
            .set_json(serde_json::json!({"nome": "x"}));
        let answer = world.send(request).await;
        assert_eq!(
            (answer.status, json(&answer.text)["code"].as_str()),
            (400, Some("invalid"))
        );
        assert_eq!(
            world.get(&Browser::default(), "/api/v1/me/keys").await.status,
            401
        );
    });
}

#[test]
fn the_description_of_the_api_is_current() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/portal-openapi.json"
    );
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written.trim_end() == crate::openapi().unwrap().trim_end(),
        "make it anew: llm-gateway-portal openapi > docs/reference/portal-openapi.json"
    );
}
