//! Two of `llm-gateway-admin serve` beside each other: a hand-over opens one of them once, and its session both.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use llmgw_servers::{Mongod, Redis};
use llmgw_tests::{Answer, Request};
use serde_json::{Value, json};

use super::process::{Replica, Running};
use super::seed::{answering, seed};

const ADMIN_KEY: &str = "the-admin-key-of-a-test";
const PORTAL: &str = "https://llm.example.org";
const WE: &str = "https://llm-admin.example.org";

// Made by `openssl genpkey -algorithm ed25519`; of no use elsewhere.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHTj/L3aMxfPogvzO7AOiToG+drHn+EkKmAzLm8aWOIe\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAWLEV1A2YHXK9/qF/c4m5jClVnDKqAJGVqH7XhluR0Ws=\n-----END PUBLIC KEY-----\n";

fn behind_a_portal(replica: Replica) -> Replica {
    std::fs::write(replica.folder().join("handover.pub"), PUBLIC).unwrap();
    replica
        .env("LLMGW_ADMIN__KEY", ADMIN_KEY)
        .env("LLMGW_ADMIN__PUBLIC_BASE_URL", WE)
        .env("LLMGW_ADMIN__PORTAL_URL", PORTAL)
        .env("LLMGW_ADMIN__HANDOVER_PUBLIC_KEY_FILE", "handover.pub")
}

fn token(user: &str, jti: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": PORTAL, "aud": WE, "sub": user, "jti": jti, "iat": now, "exp": now + 60,
        "login": null, "ends": null,
    });
    let key = EncodingKey::from_ed_pem(KEY.as_bytes()).unwrap();
    encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap()
}

async fn bring(service: &Running, token: &str) -> Answer {
    let form = Request::post("/handover", format!("token={token}"));
    let form = form.header("Content-Type", "application/x-www-form-urlencoded");
    service.ask(&form).await
}

async fn sees(service: &Running, cookie: &str) -> (u16, u16) {
    let mut statuses = Vec::new();
    for path in ["/", "/api/v1/models"] {
        let answer = service.ask(&Request::get(path).header("Cookie", cookie)).await;
        statuses.push(answer.status());
    }
    (statuses[0], statuses[1])
}

async fn ada(service: &Running) -> String {
    let answer = service
        .ask(&Request::get("/api/v1/users/ada").key(ADMIN_KEY))
        .await;
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_hand_over_opens_one_of_many_once_and_its_session_all_of_them() {
    let tap = answering();
    let seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    let replica = behind_a_portal(seeded.replica);
    let (one, other) = (replica.serve_admin().await, replica.serve_admin().await);
    for service in [&one, &other] {
        assert_eq!(service.until_it_says(&["ready"]).await, 200);
    }
    let user = ada(&one).await;
    assert_eq!(bring(&one, &token(&user, "a mere user")).await.status(), 403);
    let made = replica.admin(&["user", "role", "ada", "auditor"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);

    let token = token(&user, "once");
    let (first, second) = tokio::join!(bring(&one, &token), bring(&other, &token));
    let mut statuses = [first.status(), second.status()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403], "one of both lets in");
    let came_in = if first.status() == 303 { &first } else { &second };
    let cookie = came_in.head.get("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-llmgw-admin=") && cookie.contains("Secure"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap();
    for service in [&one, &other] {
        assert_eq!(sees(service, cookie).await, (200, 200));
    }
    let listed = replica.admin(&["--json", "audit", "list"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let opened = |entry: &&Value| entry["action"] == "session.open";
    let opened = listed["data"].as_array().unwrap().iter().find(opened).unwrap();
    assert_eq!(
        (&opened["actor"], &opened["actor_name"]),
        (&json!(format!("user:{user}")), &json!("ada"))
    );

    let suspended = replica.admin(&["user", "suspend", "ada"]);
    assert_eq!(suspended.code, Some(0), "{}", suspended.stderr);
    for service in [&one, &other] {
        assert_eq!(sees(service, cookie).await, (303, 401));
    }
    let log = std::fs::read_to_string(replica.folder().join("llm-gateway-admin.log")).unwrap();
    assert!(log.contains("it was used before"), "{log}");
    assert!(
        !log.contains(&token[..40]) && !log.contains(token.rsplit('.').next().unwrap()),
        "{log}"
    );
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn hand_overs_that_cannot_work_are_named_at_start() {
    let replica = behind_a_portal(Replica::new()).env("LLMGW_ADMIN__PORTAL_URL", "http://llm.example.org");
    for command in [&["serve"][..], &["config", "check"]] {
        let ended = replica.admin(command);
        assert_eq!(ended.code, Some(78), "{}", ended.stderr);
        assert!(ended.stderr.contains("admin.portal_url"), "{}", ended.stderr);
    }
}
