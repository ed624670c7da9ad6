//! Who is handed over, and when that ends.

use llmgw_audit::Actor;
use llmgw_keys::{User, UserState};
use llmgw_types::Role;

use super::browsers::{Browser, claims, cookie, signed};
use super::*;

impl World {
    async fn change(&self, user: UserId, change: fn(&mut User)) {
        let changed = self.admin.users.change(user, None, |user| {
            change(user);
            Ok(())
        });
        changed.await.unwrap();
    }
}

#[actix_web::test]
async fn somebody_handed_over_acts_under_their_own_name() {
    let world = world();
    let browser = world.came_in("ada", Role::Admin).await;
    let id = world.admin.user("ada").await.unwrap().id;
    let request = browser
        .request("POST", "/api/v1/models")
        .set_json(json!({"id": "m"}));
    assert_eq!(world.send(request).await.status, 201);
    let entries = world.entries().await;
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions,
        ["model.create", "model.create", "session.open", "session.open"]
    );
    assert!(
        entries.iter().all(|entry| entry.actor == Actor::User(id)),
        "{entries:?}"
    );
    let page = world.send(browser.request("GET", "/")).await.text();
    assert!(page.contains(">ada<") && page.contains("Administrator"), "{page}");
}

#[actix_web::test]
async fn the_cookie_is_for_this_service_alone_and_no_answer_is_kept() {
    let world = world();
    let user = world.user("ada", Role::Auditor).await;
    let answer = world.bring(&signed(&claims(user, "1"))).await;
    let set = answer.header("set-cookie");
    let mut flags: Vec<&str> = set.split("; ").skip(1).collect();
    flags.sort_unstable();
    assert_eq!(flags, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"], "{set}");
    assert!(set.starts_with("__Host-llmgw-admin="), "{set}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("strict-transport-security", "max-age=63072000"),
    ] {
        assert_eq!(answer.header(name), value);
    }
    let policy = answer.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("form-action 'self';"),
        "{policy}"
    );
}

#[actix_web::test]
async fn a_token_lets_in_once() {
    let world = world();
    let user = world.user("ada", Role::Admin).await;
    let token = signed(&claims(user, "1"));
    let first = world.bring(&token).await;
    assert_eq!(first.status, 303);
    let again = world.bring(&token).await;
    assert_eq!((again.status, cookie(&again.headers)), (403, None));
    // Another token under the same id is the same.
    let mut twin = claims(user, "1");
    twin["iat"] = json!(NOW.as_millis() / 1_000 - 1);
    assert_eq!(world.bring(&signed(&twin)).await.status, 403);
    assert_eq!(world.bring(&signed(&claims(user, "2"))).await.status, 303);
}

#[actix_web::test]
async fn every_refused_hand_over_looks_the_same_and_leaves_nothing() {
    let world = world();
    let ada = world.user("ada", Role::Admin).await;
    let suspended = world.user("suspended", Role::Admin).await;
    world
        .change(suspended, |user| user.state = UserState::Suspended)
        .await;
    let mere = world.user("mere", Role::User).await;
    let erased = world.user("erased", Role::Admin).await;
    world.admin.users.erase(erased, None).await.unwrap();
    let with = |change: fn(&mut Value)| {
        let mut claims = claims(ada, "x");
        change(&mut claims);
        signed(&claims)
    };
    let nothing = world.bring("").await;
    for (name, token) in [
        ("suspended", signed(&claims(suspended, "1"))),
        ("mere", signed(&claims(mere, "2"))),
        ("erased", signed(&claims(erased, "3"))),
        ("unknown", signed(&claims(UserId::new(NOW, [9; 10]), "4"))),
        ("old", with(|claims| claims["exp"] = claims["iat"].clone())),
        (
            "for another",
            with(|claims| claims["aud"] = json!("https://other.example.org")),
        ),
        (
            "from another",
            with(|claims| claims["iss"] = json!("https://evil.example.org")),
        ),
        ("no token", "nonsense".to_owned()),
    ] {
        let answer = world.bring(&token).await;
        assert_eq!((answer.status, answer.text()), (403, nothing.text()), "{name}");
        assert_eq!(cookie(&answer.headers), None, "{name}");
    }
    let request = test::TestRequest::with_uri(&format!("/handover?token={}", signed(&claims(ada, "5"))));
    assert_eq!(
        world.send(request).await.status,
        405,
        "a token stands in no address"
    );
    assert_eq!(world.entries().await.len(), 0);
}

#[actix_web::test]
async fn who_is_suspended_or_loses_their_role_is_out_at_once() {
    let changes: [fn(&mut User); 2] = [
        |user| user.state = UserState::Suspended,
        |user| user.role = Role::User,
    ];
    for change in changes {
        let world = world();
        let browser = world.came_in("ada", Role::Admin).await;
        let id = world.admin.user("ada").await.unwrap().id;
        assert_eq!(world.sees(&browser).await, (200, 200));
        world.change(id, change).await;
        assert_eq!(world.sees(&browser).await, (303, 401));
        // Nor does it open anything when they may again.
        world
            .change(id, |user| {
                user.state = UserState::Active;
                user.role = Role::Admin;
            })
            .await;
        assert_eq!(world.sees(&browser).await, (303, 401));
    }
}

#[actix_web::test]
async fn who_becomes_an_auditor_changes_nothing_from_then_on() {
    let world = world();
    let browser = world.came_in("ada", Role::Admin).await;
    let id = world.admin.user("ada").await.unwrap().id;
    world.change(id, |user| user.role = Role::Auditor).await;
    assert_eq!(world.sees(&browser).await, (200, 200));
    let request = browser
        .request("POST", "/api/v1/models")
        .set_json(json!({"id": "m"}));
    assert_eq!(world.send(request).await.status, 403);
}

#[actix_web::test]
async fn a_session_changes_nothing_without_its_token_or_from_elsewhere() {
    let world = world();
    let browser = world.came_in("ada", Role::Admin).await;
    let other = world.came_in("eve", Role::Admin).await;
    let forged = |csrf: &str, site: &str| {
        let forged = Browser {
            csrf: csrf.to_owned(),
            ..browser.clone()
        };
        let request = forged
            .request("POST", "/api/v1/models")
            .set_json(json!({"id": "m"}));
        request.insert_header(("sec-fetch-site", site.to_owned()))
    };
    for (csrf, site) in [
        ("", "same-origin"),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "same-origin"),
        (other.csrf.as_str(), "same-origin"),
        (browser.csrf.as_str(), "cross-site"),
        (browser.csrf.as_str(), "same-site"),
    ] {
        assert_eq!(world.send(forged(csrf, site)).await.status, 403, "{csrf} {site}");
    }
    let forged_form = Browser {
        csrf: other.csrf.clone(),
        ..browser.clone()
    };
    assert_eq!(
        world.send(forged_form.request("POST", "/logout")).await.status,
        403
    );
    assert_eq!(world.sees(&browser).await, (200, 200));
    assert_eq!(world.send(forged(&browser.csrf, "same-origin")).await.status, 201);
}

#[actix_web::test]
async fn old_calls_know_no_session() {
    let world = world();
    let browser = world.came_in("ada", Role::Admin).await;
    assert_eq!(
        world.send(browser.request("GET", "/admin/listkeys")).await.status,
        401
    );
}

#[actix_web::test]
async fn a_wrong_key_is_refused_also_from_who_is_signed_in() {
    let world = world();
    let browser = world.came_in("ada", Role::Admin).await;
    for header in ["authorization", "adminkey"] {
        let request = browser
            .request("GET", "/api/v1/keys")
            .insert_header((header, "Bearer wrong"));
        assert_eq!(world.send(request).await.status, 401, "{header}");
    }
}

#[actix_web::test]
async fn signing_out_ends_this_session_or_all() {
    let world = world();
    let one = world.came_in("ada", Role::Auditor).await;
    let id = world.admin.user("ada").await.unwrap().id;
    let answer = world.bring(&signed(&claims(id, "2"))).await;
    let two = world.with_token(cookie(&answer.headers).unwrap()).await;
    assert_eq!(world.send(one.request("POST", "/logout")).await.status, 200);
    assert_eq!(world.sees(&one).await, (303, 401));
    assert_eq!(world.sees(&two).await, (200, 200));
    let answer = world.bring(&signed(&claims(id, "3"))).await;
    let three = world.with_token(cookie(&answer.headers).unwrap()).await;
    let everywhere = [("csrf", two.csrf.as_str()), ("everywhere", "yes")];
    let request = two.request("POST", "/logout").set_form(everywhere);
    assert_eq!(world.send(request).await.status, 200);
    for browser in [&two, &three] {
        assert_eq!(world.sees(browser).await, (303, 401));
    }
    // At the portal "everywhere" is the same, on the same store.
    let answer = world.bring(&signed(&claims(id, "4"))).await;
    let four = world.with_token(cookie(&answer.headers).unwrap()).await;
    assert_eq!(world.admin.sessions.remove_user(id).await.unwrap(), 1);
    assert_eq!(world.sees(&four).await, (303, 401));
}

#[actix_web::test]
async fn a_session_ends_with_the_institutions_login() {
    let world = world();
    let id = world.user("ada", Role::Auditor).await;
    let mut claims = claims(id, "1");
    claims["login"] = json!({"issuer": "https://idp.example", "name_id": "n", "session_index": "7"});
    let answer = world.bring(&signed(&claims)).await;
    let browser = world.with_token(cookie(&answer.headers).unwrap()).await;
    let indexes = ["7".to_owned()];
    let ended = world
        .admin
        .sessions
        .remove_login("https://idp.example", "n", &indexes);
    assert_eq!(ended.await.unwrap(), 1);
    assert_eq!(world.sees(&browser).await, (303, 401));
}

#[actix_web::test]
async fn a_session_ends_unused_after_its_time_and_with_that_at_the_portal() {
    let world = world();
    let browser = world.came_in("ada", Role::Auditor).await;
    world.clock.advance(Duration::from_mins(29));
    assert_eq!(world.sees(&browser).await, (200, 200));
    world.clock.advance(Duration::from_mins(30));
    assert_eq!(world.sees(&browser).await, (303, 401));

    let world = super::world();
    let browser = world.came_in("ada", Role::Auditor).await;
    for _ in 0..19 {
        world.clock.advance(Duration::from_mins(25));
        assert_eq!(world.sees(&browser).await, (200, 200));
    }
    world.clock.advance(Duration::from_mins(5));
    assert_eq!(world.sees(&browser).await, (303, 401), "eight hours are over");

    let world = super::world();
    let id = world.user("ada", Role::Auditor).await;
    let mut claims = claims(id, "1");
    claims["ends"] = json!(NOW.plus(Duration::from_mins(10)));
    let answer = world.bring(&signed(&claims)).await;
    let browser = world.with_token(cookie(&answer.headers).unwrap()).await;
    world.clock.advance(Duration::from_mins(10));
    assert_eq!(world.sees(&browser).await, (303, 401));
}
