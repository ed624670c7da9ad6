//! Who gets in.

use utoipa::openapi::OpenApi;

use super::*;

// Every path and method that the description has, with something in place of its parameters.
pub(super) fn described() -> Vec<(String, String)> {
    let text = crate::openapi().unwrap();
    let _: OpenApi = serde_json::from_str(&text).unwrap();
    let description: Value = serde_json::from_str(&text).unwrap();
    let mut all = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            all.push((method.to_uppercase(), path.clone()));
        }
    }
    assert!(all.len() > 35, "{all:?}");
    all
}

#[actix_web::test]
async fn every_described_path_is_there_with_its_methods_and_no_other() {
    let world = world();
    let all = described();
    for (_, path) in &all {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let described = all.contains(&(method.to_owned(), path.clone()));
            let (status, body) = world.ask(method, &with_parameters(path), Some(json!({}))).await;
            assert_eq!(status != 405, described, "{method} {path}: {status} {body}");
        }
    }
}

#[actix_web::test]
async fn the_admin_key_opens_it_in_either_header() {
    let world = world();
    let with = async |name: &str, value: &str| {
        let request = test::TestRequest::with_uri("/api/v1/keys").insert_header((name, value));
        world.send(request).await.status
    };
    assert_eq!(with("authorization", &format!("Bearer {ADMIN_KEY}")).await, 200);
    assert_eq!(with("AdminKey", ADMIN_KEY).await, 200);
    for wrong in ["Bearer the-key-of-someone-else", ADMIN_KEY, "Basic x"] {
        assert_eq!(with("authorization", wrong).await, 401, "{wrong}");
    }
    assert_eq!(with("AdminKey", "").await, 401);
}

#[actix_web::test]
async fn whoever_tries_many_keys_is_told_to_wait_and_the_right_one_still_opens() {
    let world = world();
    let wrong =
        || test::TestRequest::with_uri("/api/v1/keys").insert_header(("AdminKey", "wrong-key-wrong-key"));
    for _ in 0..20 {
        assert_eq!(world.send(wrong()).await.status, 401);
    }
    assert_eq!(world.send(wrong()).await.status, 429);
    assert_eq!(world.ask("GET", "/api/v1/keys", None).await.0, 200);
}

#[actix_web::test]
async fn the_audit_log_names_whom_a_proxy_asks_for_and_believes_nobody_else() {
    let world = world();
    let change = json!({"owner": "ada"});
    for (peer, expected) in [
        ("127.0.0.1:4711", "192.0.2.7"),
        ("198.51.100.1:4711", "198.51.100.1"),
    ] {
        let change = request("POST", "/api/v1/keys", Some(&change))
            .peer_addr(peer.parse().unwrap())
            .insert_header(("x-forwarded-for", "203.0.113.9, 192.0.2.7"));
        assert_eq!(world.send(change).await.status, 201);
        let (_, log) = world.ask("GET", "/api/v1/audit?limit=1", None).await;
        assert_eq!(log["data"][0]["origin"], expected, "{log}");
    }
}

#[actix_web::test]
async fn failures_behind_a_proxy_are_counted_for_each_of_its_clients() {
    let world = world();
    let wrong = |client: &str| {
        test::TestRequest::with_uri("/api/v1/keys")
            .peer_addr("127.0.0.1:4711".parse().unwrap())
            .insert_header(("x-forwarded-for", client))
            .insert_header(("AdminKey", "wrong-key-wrong-key"))
    };
    for _ in 0..20 {
        assert_eq!(world.send(wrong("192.0.2.7")).await.status, 401);
    }
    assert_eq!(world.send(wrong("192.0.2.7")).await.status, 429);
    assert_eq!(world.send(wrong("192.0.2.8")).await.status, 401);
}
