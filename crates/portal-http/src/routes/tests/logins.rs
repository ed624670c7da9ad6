//! Coming in, staying in, and leaving.

use std::sync::atomic::Ordering;
use std::time::Duration;

use llmgw_keys::{UserState, UserStore};

use super::world::{Browser, IDLE, LASTS, World, agreement, run};

#[test]
fn the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts() {
    run(async {
        let world = World::new();
        let link = world.portal.local_link(IDLE).await.unwrap();
        let path = link.strip_prefix("http://localhost:8082").unwrap().to_owned();
        let answer = world.get(&Browser::default(), &path).await;
        let (cookie, flags) = answer.cookie().unwrap();
        assert!(cookie.starts_with("__Host-llmgw="), "{cookie}");
        let mut flags: Vec<&str> = flags.split("; ").collect();
        flags.sort_unstable();
        assert_eq!(flags, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    });
}

#[test]
fn a_link_lets_in_once() {
    run(async {
        let world = World::new();
        let link = world.portal.local_link(IDLE).await.unwrap();
        let path = link.strip_prefix("http://localhost:8082").unwrap().to_owned();
        assert_eq!(world.get(&Browser::default(), &path).await.status, 303);
        let again = world.get(&Browser::default(), &path).await;
        assert_eq!((again.status, again.cookie()), (403, None));
        let late = world.portal.local_link(IDLE).await.unwrap();
        world.later(IDLE);
        let path = late.strip_prefix("http://localhost:8082").unwrap();
        assert_eq!(world.get(&Browser::default(), path).await.status, 403);
        for made_up in ["", "?token=", "?token=x"] {
            let answer = world
                .get(&Browser::default(), &format!("/local/login{made_up}"))
                .await;
            assert!(answer.status == 403 || answer.status == 404, "{}", answer.status);
        }
    });
}

#[test]
fn a_cookie_from_before_the_login_opens_nothing_after_it() {
    run(async {
        let world = World::new();
        let first = world.came_in().await;
        // Somebody planted this session; its holder logs in with it.
        let link = world.portal.local_link(IDLE).await.unwrap();
        let path = link.strip_prefix("http://localhost:8082").unwrap().to_owned();
        let answer = world.get(&first, &path).await;
        let cookie = answer.cookie().unwrap().0.to_owned();
        assert_ne!(cookie, first.cookie);
        assert_eq!(
            world.get(&first, "/api/v1/me").await.status,
            401,
            "the old one is over"
        );
        let browser = Browser {
            cookie,
            ..Browser::default()
        };
        assert_ne!(world.token(&browser).await, first.csrf);
        // What nobody made is not taken over.
        let planted = Browser {
            cookie: "__Host-llmgw=planted".to_owned(),
            ..Browser::default()
        };
        assert_eq!(world.get(&planted, "/api/v1/me").await.status, 401);
    });
}

#[test]
fn a_session_ends_unused_and_at_last_however_busy() {
    run(async {
        let world = World::new();
        let browser = world.came_in().await;
        world.later(IDLE - Duration::from_secs(1));
        assert_eq!(world.get(&browser, "/api/v1/me").await.status, 200);
        world.later(IDLE - Duration::from_secs(1));
        assert_eq!(
            world.get(&browser, "/api/v1/me").await.status,
            200,
            "it was used meanwhile"
        );
        world.later(IDLE);
        assert_eq!(world.get(&browser, "/api/v1/me").await.status, 401);

        let browser = world.came_in().await;
        let mut busy = Duration::ZERO;
        while busy < LASTS - IDLE / 2 {
            assert_eq!(world.get(&browser, "/api/v1/me").await.status, 200);
            world.later(IDLE / 2);
            busy += IDLE / 2;
        }
        assert_eq!(world.get(&browser, "/api/v1/me").await.status, 200);
        world.later(IDLE / 2);
        assert_eq!(world.get(&browser, "/api/v1/me").await.status, 401);
    });
}

#[test]
fn who_is_suspended_is_out_at_once() {
    run(async {
        let world = World::new();
        let browser = world.came_in().await;
        let mut user = world.user().await;
        user.state = UserState::Suspended;
        world.users.update(&user).await.unwrap();
        let answer = world.get(&browser, "/keys").await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/?return=%2Fkeys")
        );
        user.revision = user.revision.next();
        user.state = UserState::Active;
        world.users.update(&user).await.unwrap();
        assert_eq!(
            world.get(&browser, "/api/v1/me").await.status,
            401,
            "that session is over"
        );
    });
}

#[test]
fn signing_out_ends_this_session_or_all() {
    run(async {
        let world = World::new();
        let (one, two) = (world.came_in().await, world.came_in().await);
        let answer = world.post(&one, "/logout", &[]).await;
        assert_eq!(answer.status, 200);
        assert!(
            answer.header("set-cookie").contains("Max-Age=0"),
            "{}",
            answer.header("set-cookie")
        );
        assert_eq!(world.get(&one, "/api/v1/me").await.status, 401);
        assert_eq!(world.get(&two, "/api/v1/me").await.status, 200);
        let three = world.came_in().await;
        world.post(&three, "/logout/everywhere", &[]).await;
        for browser in [&two, &three] {
            assert_eq!(world.get(browser, "/api/v1/me").await.status, 401);
        }
    });
}

#[test]
fn the_agreement_comes_first_and_again_when_it_changes() {
    run(async {
        let world = World::with(|site| site.agreement = agreement("1"));
        let browser = world.came_in().await;
        for path in ["/keys", "/usage", "/usage.csv", "/limits", "/models"] {
            let answer = world.get(&browser, path).await;
            assert_eq!(
                (answer.status, answer.header("location")),
                (303, "/agreement"),
                "{path}"
            );
            let api = world
                .get(&browser, &format!("/api/v1/me{path}").replace(".csv", ""))
                .await;
            assert!(
                api.status == 403 && api.text.contains("\"agreement\""),
                "{}",
                api.text
            );
        }
        let page = world.get(&browser, "/agreement").await;
        assert!(page.text.contains("Be kind."));
        let old = world.post(&browser, "/agreement", &[("version", "0")]).await;
        assert_eq!(old.status, 409, "another one was shown");
        let accepted = world.post(&browser, "/agreement", &[("version", "1")]).await;
        assert_eq!((accepted.status, accepted.header("location")), (303, "/keys"));
        assert_eq!(world.get(&browser, "/keys").await.status, 200);
        let changed = super::world::World {
            portal: World::with(|site| site.agreement = agreement("2")).portal,
            ..world
        };
        assert!(changed.portal.site.must_accept(&changed.user().await));
    });
}

#[test]
fn while_sessions_cannot_be_read_everybody_hears_that() {
    run(async {
        let world = World::new();
        let browser = world.came_in().await;
        world.sessions.away.store(true, Ordering::SeqCst);
        let page = world.get(&browser, "/keys").await;
        assert_eq!(page.status, 503);
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(
            page.header("content-security-policy")
                .contains("frame-ancestors 'none'")
        );
        let api = world.get(&browser, "/api/v1/me").await;
        assert_eq!(
            (api.status, api.header("content-type")),
            (503, "application/problem+json")
        );
        world.sessions.away.store(false, Ordering::SeqCst);
        assert_eq!(
            world.get(&browser, "/keys").await.status,
            200,
            "and is in as before"
        );
    });
}
