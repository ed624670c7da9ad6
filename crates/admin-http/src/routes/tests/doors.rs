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
