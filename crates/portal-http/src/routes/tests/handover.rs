//! The way to the administration.

use llmgw_keys::{User, UserStore};
use llmgw_types::Role;

use super::world::{World, run};
use crate::handover::Handover;

// Made by `openssl genpkey -algorithm ed25519`; of no use elsewhere.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHTj/L3aMxfPogvzO7AOiToG+drHn+EkKmAzLm8aWOIe\n-----END PRIVATE KEY-----\n";

const ADMIN: &str = "https://admin.example.org";

fn with_administration() -> World {
    World::with(|site| {
        site.handover = Some(Handover::new(KEY.as_bytes(), &site.origin, ADMIN).unwrap());
    })
}

#[test]
fn a_button_leads_on_with_a_token_that_is_in_no_address() {
    run(async {
        let world = with_administration();
        let browser = world.came_in().await;
        let page = world.get(&browser, "/keys").await;
        assert!(page.text.contains("action=\"/handover\""));
        let answer = world.post(&browser, "/handover", &[]).await;
        assert_eq!((answer.status, answer.header("location")), (200, ""));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(
            answer.text.contains(&format!("action=\"{ADMIN}/handover\"")),
            "{}",
            answer.text
        );
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains(&format!("form-action 'self' {ADMIN};")),
            "{policy}"
        );
        let token = |text: &str| {
            let rest = text.split("name=\"token\" value=\"").nth(1).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let again = world.post(&browser, "/handover", &[]).await;
        assert_ne!(token(&answer.text), token(&again.text), "each is used once");
        assert_eq!(token(&answer.text).split('.').count(), 3);
    });
}

#[test]
fn only_administrators_and_auditors_are_handed_over() {
    run(async {
        let world = with_administration();
        let browser = world.came_in().await;
        for (role, status) in [(Role::Auditor, 200), (Role::User, 403), (Role::Admin, 200)] {
            let user = world.user().await;
            world.users.update(&User { role, ..user }).await.unwrap();
            let answer = world.post(&browser, "/handover", &[]).await;
            assert_eq!(answer.status, status, "{role:?}: {}", answer.text);
            let page = world.get(&browser, "/keys").await;
            assert_eq!(
                page.text.contains("action=\"/handover\""),
                status == 200,
                "{role:?}"
            );
        }
    });
}

#[test]
fn without_an_administration_there_is_no_way() {
    run(async {
        let world = World::new();
        let browser = world.came_in().await;
        assert_eq!(world.post(&browser, "/handover", &[]).await.status, 404);
        assert!(!world.get(&browser, "/keys").await.text.contains("/handover"));
    });
}
