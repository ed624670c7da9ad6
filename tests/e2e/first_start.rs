//! What somebody sees who starts it for the first time, and each time after.

use std::fs;

use llmgw_tests::answers::{chat, ok, usage};
use llmgw_tests::{Connection, Gateway, Request, Setup, Tap};
use serde_json::json;

const PATH: &str = "/v1/chat/completions";
const CHAT: &str = r#"{"model":"smollm2","messages":[]}"#;

fn quick() -> Tap {
    Tap::answering(|_| ok(&chat(&usage(1, 0, 1))))
}

#[tokio::test]
async fn the_ready_line_says_where_and_shows_the_keys_once() {
    let tap = quick();
    let mut gateway = Gateway::before(&tap).await;
    let line = gateway.ready.as_object().unwrap().clone();
    let mut fields: Vec<_> = line.keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "admin",
            "admin_key",
            "admin_pages",
            "api",
            "health",
            "key",
            "portal",
            "portal_login"
        ]
    );
    assert_eq!(line["api"], format!("http://{}/v1", gateway.api));
    assert_eq!(line["health"], format!("http://{}", gateway.health));
    for key in ["key", "admin_key"] {
        let text = line[key].as_str().unwrap();
        assert!(text.starts_with("sk-llmgw-") && text.len() == 58, "{key}");
    }
    assert_eq!(gateway.post(PATH, CHAT).await.status(), 200);
    gateway.sigterm();
    assert!(gateway.exited().await.success());
    for _ in 0..2 {
        gateway.start_again().await;
        assert_eq!(
            (&gateway.ready["key"], &gateway.ready["admin_key"]),
            (&json!(null), &json!(null))
        );
        assert_eq!(
            gateway.post(PATH, CHAT).await.status(),
            200,
            "the first key goes on working"
        );
        assert_eq!(gateway.admin.models().await, ["smollm2"]);
        gateway.kill9().await;
    }
}

#[tokio::test]
async fn the_admin_key_opens_the_pages_of_the_administration() {
    let tap = quick();
    let gateway = Gateway::before(&tap).await;
    let at = gateway.admin.at();
    let sign_in = async |key: &str| {
        let form = Request::post("/sign-in", format!("key={key}&return=/"));
        let form = form.header("Content-Type", "application/x-www-form-urlencoded");
        Connection::open(at).await.ask(&form).await
    };
    let refused = sign_in("sk-llmgw-another").await;
    assert_eq!((refused.status(), refused.head.get("set-cookie")), (401, None));
    let answer = sign_in(&gateway.admin.key).await;
    assert_eq!((answer.status(), answer.head.get("location")), (303, Some("/")));
    let cookie = answer.head.get("set-cookie").unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let page = Request::get("/").header("Cookie", cookie);
    assert_eq!(Connection::open(at).await.ask(&page).await.status(), 200);
    let nobody = Connection::open(at).await.ask(&Request::get("/")).await;
    assert_eq!(
        (nobody.status(), nobody.head.get("location")),
        (303, Some("/sign-in"))
    );
}

#[tokio::test]
async fn a_key_made_in_the_portal_works_at_once() {
    let tap = quick();
    let mut gateway = Gateway::before(&tap).await;
    let portal = gateway.ready["portal"].as_str().unwrap().to_owned();
    let at = portal.replace("http://localhost", "127.0.0.1").parse().unwrap();
    let link = gateway.ready["portal_login"]
        .as_str()
        .unwrap()
        .replace(&portal, "");
    let mut browser = Connection::open(at).await;
    let answer = browser.ask(&Request::get(&link)).await;
    assert_eq!(answer.status(), 303, "{}", answer.text());
    let cookie = answer
        .head
        .get("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let get = |path: &str| Request::get(path).header("Cookie", &cookie);
    assert_eq!(
        Connection::open(at).await.ask(&get(&link)).await.status(),
        403,
        "it works once"
    );
    let me = Connection::open(at).await.ask(&get("/api/v1/me")).await.json();
    assert_eq!((&me["account"], &me["role"]), (&json!("local"), &json!("admin")));
    let make = Request::post("/api/v1/me/keys", r#"{"name":"from the portal"}"#)
        .header("Cookie", &cookie)
        .header("X-CSRF-Token", me["csrf"].as_str().unwrap());
    let key = Connection::open(at).await.ask(&make).await.json()["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let request = Request::post(PATH, CHAT).key(&key);
    assert_eq!(gateway.ask(&request).await.status(), 200);
    // Signed in also after a new start, whose link is another one.
    gateway.sigterm();
    assert!(gateway.exited().await.success());
    gateway.start_again().await;
    let portal = gateway.ready["portal"].as_str().unwrap();
    let at = portal.replace("http://localhost", "127.0.0.1").parse().unwrap();
    let keys = Connection::open(at)
        .await
        .ask(&get("/api/v1/me/keys"))
        .await
        .json();
    assert_eq!(keys["data"][1]["name"], "from the portal");
}

#[tokio::test]
async fn a_folder_with_other_files_in_it_is_fine() {
    let tap = quick();
    let setup = Setup::default().upstream(&tap);
    fs::create_dir_all(setup.data().join("journal/not ours")).unwrap();
    for file in [
        "notes.txt",
        "model.gguf",
        "journal/notes.txt",
        "journal/not ours/x.seg",
    ] {
        fs::write(setup.data().join(file), "mine").unwrap();
    }
    let mut gateway = setup.start().await;
    assert_eq!(gateway.post(PATH, CHAT).await.status(), 200);
    gateway.sigterm();
    assert!(gateway.exited().await.success());
    for file in [
        "notes.txt",
        "model.gguf",
        "journal/notes.txt",
        "journal/not ours/x.seg",
    ] {
        assert_eq!(
            fs::read_to_string(gateway.setup().data().join(file)).unwrap(),
            "mine",
            "{file}"
        );
    }
}

#[tokio::test]
async fn what_it_keeps_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let tap = quick();
    let gateway = Gateway::before(&tap).await;
    let data = gateway.setup().data();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
    assert_eq!(mode(&data), 0);
    for secret in ["pepper", "admin_key.hash", "llmgw.sqlite"] {
        assert_eq!(mode(&data.join(secret)), 0, "{secret}");
    }
}

#[tokio::test]
async fn an_upstream_given_again_moves_its_model() {
    let (old, new) = (quick(), quick());
    let mut gateway = Gateway::before(&old).await;
    assert_eq!(gateway.post(PATH, CHAT).await.status(), 200);
    let mut model = gateway.admin.model("smollm2").await;
    model.as_object_mut().unwrap().remove("created_at");
    gateway.kill9().await;
    let moved = gateway
        .setup()
        .clone()
        .upstream(&new)
        .start_with_keys_of(&gateway)
        .await;
    assert_eq!(moved.post(PATH, CHAT).await.status(), 200);
    assert_eq!((old.received().len(), new.received().len()), (1, 1));
    model["targets"][0]["base_url"] = new.url().into();
    model["revision"] = 1.into();
    let mut now = moved.admin.model("smollm2").await;
    now.as_object_mut().unwrap().remove("created_at");
    assert_eq!(now, model, "nothing else changed");
}

#[tokio::test]
async fn the_greeting_has_a_line_to_try() {
    let tap = quick();
    let text = Setup::default().upstream(&tap).greeting().await;
    for part in [
        "ready",
        "Your API key",
        "The admin key",
        "curl http://127.0.0.1:",
        "Bearer sk-llmgw-",
        "\"model\":\"smollm2\"",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[tokio::test]
async fn without_a_model_it_says_how_to_get_one() {
    let text = Setup::default().greeting().await;
    for part in [
        "llama-server",
        "vllm serve",
        "--upstream NAME=http://127.0.0.1:8000",
        "make demo",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let gateway = Setup::default().start().await;
    let answer = gateway.post(PATH, CHAT).await;
    assert_eq!(
        (answer.status(), answer.code()),
        (404, "model_not_found".to_owned())
    );
    let models = gateway.ask(&Request::get("/v1/models").key(&gateway.key)).await;
    assert_eq!(models.json(), json!({"object": "list", "data": []}));
}

#[tokio::test]
async fn a_model_without_a_target_is_at_the_default_upstream() {
    let tap = quick();
    let setup = Setup::default()
        .env("LLM_DEFAULT_URL", &format!("{}/inference/", tap.url()))
        .env("INFERENCE_KEY", "12345");
    let gateway = setup.start().await;
    gateway
        .admin
        .new_model(json!({"id": "org/model-7b", "aliases": ["seven"]}))
        .await;
    for name in ["org/model-7b", "seven"] {
        let answer = gateway.post(PATH, &json!({"model": name}).to_string()).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let received = tap.received().pop().unwrap();
        assert_eq!(received.path, "/inference/org/model-7b/v1/chat/completions");
        assert_eq!(received.get("authorization"), Some("Bearer 12345"));
        assert_eq!(received.text(), r#"{"model":"org/model-7b"}"#);
    }
    let listed = gateway
        .ask(&Request::get("/v1/models/org/model-7b").key(&gateway.key))
        .await;
    assert_eq!(
        (listed.status(), &listed.json()["id"]),
        (200, &json!("org/model-7b"))
    );
}

#[tokio::test]
async fn a_target_s_secret_is_named_and_never_shown() {
    let tap = quick();
    let setup = Setup::default()
        .upstream(&tap)
        .env("LLMGW_UPSTREAM_A", "secret-of-a");
    fs::create_dir_all(setup.data().join("secrets")).unwrap();
    fs::write(setup.data().join("secrets/b"), "secret-of-b\n").unwrap();
    let gateway = setup.start().await;
    for (id, secret, sent) in [
        ("a", "env:LLMGW_UPSTREAM_A", "Bearer secret-of-a"),
        ("b", "file:b", "Bearer secret-of-b"),
    ] {
        let target = json!({"id": "t", "base_url": tap.url(), "secret": secret});
        gateway
            .admin
            .new_model(json!({"id": id, "targets": [target]}))
            .await;
        assert_eq!(
            gateway
                .post(PATH, &json!({"model": id}).to_string())
                .await
                .status(),
            200
        );
        assert_eq!(tap.received().pop().unwrap().get("authorization"), Some(sent));
        let shown = gateway.admin.model(id).await;
        assert_eq!(shown["targets"][0]["secret"], secret);
        assert!(!shown.to_string().contains("secret-of"));
    }
    for secret in ["default", "env:PATH", "file:../pepper", "sk-plain"] {
        let target = json!({"id": "t", "base_url": tap.url(), "secret": secret});
        let answer = gateway
            .admin
            .ask(
                "POST",
                "/api/v1/models",
                Some(json!({"id": "c", "targets": [target]})),
            )
            .await;
        assert_eq!(answer.status(), 422, "{secret}");
        assert!(!answer.text().contains("sk-plain"));
    }
}

#[tokio::test]
async fn health_and_metrics_are_there() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    for (path, body) in [("/health/live", "alive\n"), ("/health/ready", "ready\n")] {
        let answer = Connection::open(gateway.health)
            .await
            .ask(&Request::get(path))
            .await;
        assert_eq!((answer.status(), answer.text()), (200, body));
    }
    let mut client = gateway.begin(CHAT).await;
    let mut call = tap.call().await;
    assert_eq!(gateway.metric("llmgw_requests_in_flight").await, 1.0);
    call.write(ok(&chat(&usage(3, 0, 4)))).await;
    client.answer().await;
    gateway.post(PATH, "broken").await;
    gateway.ledger().await;
    let text = gateway.metrics().await;
    for line in [
        "llmgw_requests_in_flight 0",
        r#"llmgw_requests_total{model="smollm2",blame="none"} 1"#,
        r#"llmgw_errors_total{code="invalid_json",blame="client"} 1"#,
        r#"llmgw_tokens_total{model="smollm2",type="prompt"} 3"#,
        r#"llmgw_tokens_total{model="smollm2",type="completion"} 4"#,
        r#"gen_ai_server_request_duration_seconds_count{endpoint="chat_completions"} 1"#,
        r#"llmgw_store_call_duration_seconds_count{store="keys",outcome="answered"} 1"#,
        "llmgw_ready 1",
        "llmgw_journal_lag_records 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
    assert!(
        !text.contains(&gateway.key) && !text.contains("local"),
        "no key and no user in metrics"
    );
}

#[tokio::test]
async fn bad_settings_end_it_with_78_and_the_key_s_name() {
    let mut wrong: Vec<(&str, llmgw_tests::Failed)> = Vec::new();
    let named = |name: &str, value: &str| Setup::default().env(name, value);
    for (setup, word) in [
        (named("LLMGW_GATEWAY__LISTNE", "127.0.0.1:0"), "listne"),
        (named("LLMGW_GATWAY__DRAIN", "1s"), "gatway"),
        (named("LLMGW_GATEWAY__MAX_BODY", "lots"), "max_body"),
        (named("LLMGW_GATEWAY__DRAIN", "soon"), "drain"),
        (named("LLMGW_LOG__FORMAT", "xml"), "format"),
        (
            named("LLMGW_LIMITS__DEFAULT", "[{unit=\"tokens\",amount=1}]"),
            "limits.default",
        ),
        (named("LLMGW_LOG__LEVEL", "llmgw=loud"), "level"),
        (named("LLMGW_LIMITS__TIMEZONE", "Mars/Olympus"), "limits.timezone"),
        (
            named("LLMGW_REPORTS__TIMEZONE", "Mars/Olympus"),
            "reports.timezone",
        ),
        (
            named("LLMGW_ADMIN__KEY", "short").env("LLMGW_ADMIN__KEY_FILE", "/nowhere"),
            "admin.key",
        ),
        (
            named("LLMGW_UPSTREAM__DEFAULT_KEY_FILE", "/nowhere"),
            "upstream.default_key_file",
        ),
    ] {
        let failed = setup.fails().await;
        if failed.status.code() != Some(78) || !failed.said.to_lowercase().contains(word) {
            wrong.push((word, failed));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_file_of_settings_names_its_mistakes() {
    for (text, word) in [
        ("[gateway]\nmax_boddy = 1\n", "max_boddy"),
        ("[gateway\n", "settings.toml"),
        ("[log]\nlevel = 3\n", "level"),
    ] {
        let setup = Setup::default();
        let file = setup.folder().join("settings.toml");
        fs::write(&file, text).unwrap();
        let failed = setup.arg("--config").arg(file.to_str().unwrap()).fails().await;
        assert_eq!(failed.status.code(), Some(78), "{word}: {}", failed.said);
        assert!(failed.said.contains(word), "{word}: {}", failed.said);
    }
    let failed = Setup::default()
        .arg("--config")
        .arg("/nowhere/settings.toml")
        .fails()
        .await;
    assert_eq!(failed.status.code(), Some(78));
    assert!(failed.said.contains("/nowhere/settings.toml"), "{}", failed.said);
}

#[tokio::test]
async fn wrong_usage_ends_it_with_2() {
    for args in [
        vec!["--nonsense"],
        vec!["--upstream", "nourl"],
        vec!["--upstream", "a=ftp://x"],
        vec!["--listen", "here"],
    ] {
        let failed = args
            .iter()
            .fold(Setup::default(), |setup, arg| setup.arg(arg))
            .fails()
            .await;
        assert_eq!(failed.status.code(), Some(2), "{args:?}: {}", failed.said);
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let tap = quick();
    let gateway = Gateway::before(&tap).await;
    let taken = gateway.api.to_string();
    let failed = Setup::default().arg("--listen").arg(&taken).fails().await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        failed.said.contains(&taken) && failed.said.contains("gateway.listen"),
        "{}",
        failed.said
    );
}

#[tokio::test]
async fn an_admin_key_of_one_s_own_works_and_is_not_shown() {
    let own = "an-admin-key-of-one's-own";
    let gateway = Setup::default().env("ADMIN_KEY", own).start().await;
    assert_eq!(gateway.ready["admin_key"], json!(null));
    let admin = llmgw_tests::Admin::new(gateway.admin.at(), own);
    assert_eq!(admin.models().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_new_admin_key_replaces_the_old() {
    let tap = quick();
    let mut gateway = Gateway::before(&tap).await;
    gateway.kill9().await;
    let renewed = gateway.setup().clone().arg("--new-admin-key").start().await;
    assert_ne!(renewed.admin.key, "");
    assert_eq!(renewed.admin.models().await, ["smollm2"]);
    let old = llmgw_tests::Admin::new(renewed.admin.at(), &gateway.admin.key);
    assert_eq!(old.ask("GET", "/api/v1/models", None).await.status(), 401);
}

#[tokio::test]
async fn a_change_of_a_model_is_in_force_from_the_next_request_on() {
    let (old, new) = (quick(), quick());
    let gateway = Gateway::before(&old).await;
    let target = |tap: &Tap| json!([{"id": "t", "base_url": tap.url()}]);
    for tap in [&new, &old, &new] {
        let before = tap.received().len();
        gateway
            .admin
            .replace_model("smollm2", json!({"targets": target(tap)}))
            .await;
        assert_eq!(gateway.post(PATH, CHAT).await.status(), 200);
        assert_eq!(tap.received().len(), before + 1);
    }
}
