//! The sign-in page, and the admin key there.

use llmgw_audit::Actor;

use super::browsers::{Browser, PORTAL, cookie};
use super::*;

impl World {
    async fn sign_in(&self, key: &str, back: &str) -> Answer {
        let request = test::TestRequest::with_uri("/sign-in")
            .method(Method::POST)
            .insert_header(("sec-fetch-site", "same-origin"))
            .set_form([("key", key), ("return", back)]);
        self.send(request).await
    }
}

#[actix_web::test]
async fn the_admin_key_opens_a_session_that_says_so() {
    let world = world();
    let answer = world.sign_in(ADMIN_KEY, "/models?x=1").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/models?x=1"));
    let browser = world.with_token(cookie(&answer.headers).unwrap()).await;
    let request = browser
        .request("POST", "/api/v1/models")
        .set_json(json!({"id": "m"}));
    assert_eq!(world.send(request).await.status, 201);
    let entries = world.entries().await;
    assert!(entries.iter().all(|entry| entry.actor == Actor::AdminKey));
    assert!(entries.iter().any(|entry| entry.action == "session.open"));
    let page = world.send(browser.request("GET", "/")).await.text();
    assert!(
        page.contains(">admin key<") && !page.contains("name=\"everywhere\""),
        "{page}"
    );
    assert_eq!(
        world
            .sign_in(ADMIN_KEY, "//evil.example")
            .await
            .header("location"),
        "/"
    );
    // Where there is another key, what the old one opened is over.
    let pepper = Pepper::new(&[1; 32]).unwrap();
    let entropy = Arc::new(Counting::default());
    let moved = World {
        doors: Arc::new(doors("another-key-of-the-admin", pepper, entropy)),
        ..world
    };
    assert_eq!(moved.sees(&browser).await, (303, 401));
}

#[actix_web::test]
async fn a_wrong_key_opens_nothing_and_many_wait() {
    let world = world();
    for _ in 0..20 {
        let answer = world.sign_in("another-key-than-this", "/").await;
        assert_eq!((answer.status, cookie(&answer.headers)), (401, None));
        assert!(answer.text().contains("This is not the admin key."));
        assert!(!answer.text().contains("another-key-than-this"));
    }
    let answer = world.sign_in("another-key-than-this", "/").await;
    assert_eq!(answer.status, 429);
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(world.sign_in(ADMIN_KEY, "/").await.status, 303);
    // A page elsewhere cannot sign anybody in.
    let request = test::TestRequest::with_uri("/sign-in")
        .method(Method::POST)
        .insert_header(("sec-fetch-site", "cross-site"))
        .set_form([("key", ADMIN_KEY)]);
    assert_eq!(world.send(request).await.status, 403);
    let as_text = test::TestRequest::with_uri("/sign-in")
        .method(Method::POST)
        .insert_header(("content-type", "text/plain"))
        .set_payload(format!("key={ADMIN_KEY}"));
    assert_eq!(world.send(as_text).await.status, 403);
}

#[actix_web::test]
async fn who_is_not_signed_in_is_led_to_the_sign_in_page_and_back() {
    let world = world();
    let nobody = Browser::default();
    let answer = world.send(nobody.request("GET", "/?x=1")).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/sign-in?return=%2F%3Fx%3D1")
    );
    let page = world
        .send(nobody.request("GET", "/sign-in?return=%2F%3Fx%3D1"))
        .await
        .text();
    assert!(
        page.contains(PORTAL) && page.contains("name=\"return\" value=\"/?x=1\""),
        "{page}"
    );
    let page = world
        .send(nobody.request("GET", "/sign-in?return=//evil.example"))
        .await
        .text();
    assert!(!page.contains("evil"), "{page}");
    assert_eq!(world.send(nobody.request("GET", "/nowhere")).await.status, 404);
}
