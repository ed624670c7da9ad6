//! `llm-gateway-admin` beside services that run, on both stores.

use std::time::{Duration, Instant};

use llmgw_servers::{Mongod, Redis};
use llmgw_tests::answers::ok;
use llmgw_tests::{Gateway, Reply, Request, Tap, eventually};
use serde_json::{Value, json};

use super::process::{Ended, Replica};
use super::seed::{CHAT, answering, seed};

/// One second is promised.
const SOON: Duration = Duration::from_secs(5);

fn chat_with(key: &str, model: &str) -> Request {
    let body = CHAT.replace("smollm2", model);
    Request::post("/v1/chat/completions", body).key(key)
}

#[track_caller]
fn done(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("no JSON: {}", ended.stdout))
}

#[track_caller]
fn failed(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Where a command works: the same steps on each store.
struct Place<'a> {
    replica: &'a Replica,
    data: Option<&'a str>,
}

impl Place<'_> {
    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        let mut all = self.data.map_or(Vec::new(), |data| vec!["--data", data]);
        all.extend(args);
        all
    }

    fn json(&self, args: &[&str]) -> Value {
        let mut all = self.args(args);
        all.push("--json");
        done(&self.replica.admin(&all))
    }

    fn people(&self, args: &[&str]) -> String {
        let ended = self.replica.admin(&self.args(args));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    }

    /// The life of a key, as `status` sees it: what a running gateway answers it for a model.
    async fn a_key_lives_and_ends(&self, status: impl AsyncFn(&str, &str) -> u16) {
        let made = self.json(&[
            "key",
            "create",
            "--owner",
            "grace",
            "--name",
            "laptop",
            "--limit",
            "tokens/day=90000",
            "--expires",
            "30d",
        ]);
        let (id, key) = (text(&made["id"]), text(&made["key"]).to_owned());
        assert_eq!(
            made["limits"],
            json!([{"unit": "tokens", "window": "day", "amount": 90000}])
        );
        assert_eq!(status(&key, "smollm2").await, 200);

        let next = self.json(&["key", "rotate", id, "--overlap", "1h"]);
        assert_eq!(
            (&next["replaces"], &next["limits"]),
            (&made["id"], &made["limits"])
        );
        let next_key = text(&next["key"]).to_owned();
        assert_eq!(
            (status(&key, "smollm2").await, status(&next_key, "smollm2").await),
            (200, 200)
        );

        assert_eq!(self.json(&["key", "revoke", id]), json!({}));
        let revoked = Instant::now();
        eventually("it is refused", async || {
            (status(&key, "smollm2").await == 401).then_some(())
        })
        .await;
        assert!(revoked.elapsed() < SOON);
        assert_eq!(status(&next_key, "smollm2").await, 200);

        let listed = self.people(&["key", "list"]);
        assert!(
            listed.contains("grace") && listed.contains("revoked") && listed.contains("tokens/day=90000")
        );
        assert!(!listed.contains(&next_key) && !listed.contains(&key), "{listed}");
    }

    async fn an_imported_key_works(&self, status: impl AsyncFn(&str, &str) -> u16) {
        let key = "from-elsewhere-0123456789";
        let args = [
            "key", "create", "--owner", "grace", "--name", "old", "--import", "-", "--json",
        ];
        let made = done(&self.replica.admin_reading(&self.args(&args), &format!("{key}\n")));
        assert_eq!(text(&made["key"]), key);
        assert_eq!(status(key, "smollm2").await, 200);
        let again = self.replica.admin_reading(&self.args(&args), key);
        failed(&again, 1, &["exists already"]);
        assert!(!again.stderr.contains(key));
    }

    async fn a_model_comes_and_goes(&self, url: &str, key: &str, status: impl AsyncFn(&str, &str) -> u16) {
        let add = ["model", "add", "second", "--url", url, "--alias", "zwei"];
        let model = self.json(&add);
        assert_eq!(
            (&model["id"], &model["aliases"]),
            (&json!("second"), &json!(["zwei"]))
        );
        let added = Instant::now();
        eventually("it is served", async || {
            (status(key, "zwei").await == 200).then_some(())
        })
        .await;
        assert!(added.elapsed() < SOON);
        failed(&self.replica.admin(&self.args(&add)), 1, &["second", "exists"]);
        let changed = self.json(&["model", "add", "second", "--url", url, "--replace"]);
        assert_eq!(changed["aliases"], json!([]));
        assert!(self.people(&["model", "list"]).contains("second"));
        assert_eq!(self.json(&["model", "remove", "second"]), json!({}));
        eventually("it is not served", async || {
            (status(key, "second").await == 404).then_some(())
        })
        .await;
    }

    /// `least` requests of `grace` or more are in the ledger; one more for each that a poll let pass.
    async fn usage_is_shown(&self, least: u64) {
        let events = eventually("all is in the ledger", async || {
            let report = self.json(&["usage", "report", "--by", "user"]);
            let rows = report["data"].as_array().unwrap().clone();
            let of_grace = rows.into_iter().find(|row| row["user"] == "grace")?;
            let requests = of_grace["requests"]
                .as_u64()
                .filter(|requests| *requests >= least)?;
            let events = self.json(&["usage", "events", "--user", "grace", "--limit", "1000"]);
            (events["data"].as_array().unwrap().len() as u64 == requests).then_some(events)
        })
        .await;
        assert_eq!(events["data"][0]["tokens"]["prompt"], 9);
        let table = self.people(&["usage", "report", "--by", "user,model", "--bucket", "day"]);
        assert!(table.contains("grace") && table.contains("smollm2") && table.contains("total"));
        assert!(self.people(&["usage", "events"]).contains("complete"));
        let verified = self.json(&["rollup", "verify"]);
        assert!(verified["checked"].as_u64().unwrap() > 0);
        assert_eq!(verified["differences"], 0);
        assert!(self.people(&["rollup", "rebuild"]).contains("made anew"));
        assert_eq!(self.json(&["rollup", "verify"]), verified);
    }

    fn what_is_wrong_is_told(&self) {
        let nobody = "0190a5f0-0000-7000-8000-000000000000";
        failed(
            &self.replica.admin(&self.args(&["key", "revoke", nobody])),
            1,
            &["no key with this id"],
        );
        failed(
            &self.replica.admin(&self.args(&["model", "remove", "nothing"])),
            1,
            &["nothing"],
        );
        failed(
            &self
                .replica
                .admin(&self.args(&["usage", "events", "--user", "nobody"])),
            1,
            &["no user `nobody`"],
        );
        let limit = [
            "key", "create", "--owner", "a", "--name", "b", "--limit", "tokens=5",
        ];
        failed(&self.replica.admin(&self.args(&limit)), 2, &["needs a window"]);
        let past = [
            "key",
            "create",
            "--owner",
            "a",
            "--name",
            "b",
            "--expires",
            "2020-01-01",
        ];
        failed(&self.replica.admin(&self.args(&past)), 1, &["in the past"]);
    }
}

#[tokio::test]
async fn beside_a_standalone_its_changes_are_seen_at_once() {
    let tap = answering();
    let standalone = Gateway::before(&tap).await;
    let data = standalone.setup().data().display().to_string();
    let nothing = Replica::new();
    let place = Place {
        replica: &nothing,
        data: Some(&data),
    };
    let status = async |key: &str, model: &str| standalone.ask(&chat_with(key, model)).await.status();
    place.a_key_lives_and_ends(&status).await;
    place.an_imported_key_works(&status).await;
    place
        .a_model_comes_and_goes(&tap.url(), &standalone.key, &status)
        .await;
    place.what_is_wrong_is_told();
    // Four of two keys, and the imported one.
    place.usage_is_shown(5).await;
    for (command, path) in [
        (&["key", "list"][..], "/api/v1/keys"),
        (&["model", "list"], "/api/v1/models"),
        (
            &["usage", "report", "--by", "key,endpoint"],
            "/api/v1/usage?by=key,endpoint",
        ),
        (
            &["usage", "events", "--limit", "3"],
            "/api/v1/usage/events?limit=3",
        ),
    ] {
        let api = standalone.admin.ask("GET", path, None).await;
        let api: Value = serde_json::from_str(api.text()).unwrap();
        assert_eq!(place.json(command), api, "{path}");
    }
}

#[tokio::test]
async fn two_standalones_on_one_folder_see_each_others_changes() {
    let tap = answering();
    let one = Gateway::before(&tap).await;
    let other = one.beside().await;
    let key = one.admin.new_key("grace", json!({})).await;
    let asked = chat_with(&key.text, "smollm2");
    assert_eq!(other.ask(&asked).await.status(), 200);
    one.admin.revoke(&key.id).await;
    let revoked = Instant::now();
    eventually("it is refused", async || {
        (other.ask(&asked).await.status() == 401).then_some(())
    })
    .await;
    assert!(revoked.elapsed() < SOON);
}

#[tokio::test]
async fn on_mongodb_its_changes_are_seen_at_once() {
    let tap = answering();
    let seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    let running = seeded.replica.serve().await;
    let place = Place {
        replica: &seeded.replica,
        data: None,
    };
    let status = async |key: &str, model: &str| running.ask(&chat_with(key, model)).await.status();
    place.a_key_lives_and_ends(&status).await;
    place.an_imported_key_works(&status).await;
    place
        .a_model_comes_and_goes(&tap.url(), &seeded.key, &status)
        .await;
    place.what_is_wrong_is_told();
    place.usage_is_shown(5).await;
    running.stop().await;
}

#[tokio::test]
async fn a_change_is_kept_while_redis_is_away_and_not_begun_while_mongodb_is() {
    let tap = answering();
    let (mongod, redis) = (Mongod::start(), Redis::start());
    let seeded = seed(&mongod, &redis, &tap).await;
    redis.kill();
    let create = ["key", "create", "--owner", "grace", "--name", "n", "--json"];
    let ended = seeded.replica.admin(&create);
    assert!(ended.stderr.contains("within 30 s"), "{}", ended.stderr);
    let made = done(&ended);
    let running = seeded.replica.serve().await;
    let key = text(&made["key"]);
    assert_eq!(running.ask(&chat_with(key, "smollm2")).await.status(), 200);
    running.stop().await;
    mongod.kill();
    failed(
        &seeded.replica.admin(&create),
        1,
        &["MongoDB does not answer", "nothing was changed"],
    );
}

#[test]
fn settings_that_make_no_sense_are_told_and_nothing_is_made() {
    let replica = Replica::new();
    failed(
        &replica.admin(&["--data", "nowhere", "key", "list"]),
        1,
        &["--data", "llmgw.sqlite"],
    );
    let sqlite = Replica::new()
        .env("LLMGW_STORE__KIND", "sqlite")
        .env("LLMGW_STORE__PATH", "no-such.sqlite");
    failed(
        &sqlite.admin(&["key", "list"]),
        78,
        &["store.path", "no-such.sqlite"],
    );
    assert!(!sqlite.folder().join("no-such.sqlite").exists());
    let unknown = Replica::new().env("LLMGW_MONGO__ADRESS", "x");
    failed(&unknown.admin(&["config", "check"]), 78, &["mongo.adress"]);
    let bare = Replica::new().without("LLMGW_KEYS__PEPPER_FILE");
    failed(&bare.admin(&["config", "check"]), 78, &["keys.pepper_file"]);
    let well = replica.admin(&["config", "check"]);
    assert_eq!(well.code, Some(0), "{}", well.stderr);
    assert!(replica.admin(&["config", "print"]).stdout.contains("[mongo]"));
    assert!(replica.admin(&["config", "reference"]).stdout.contains("mongo"));
    assert_eq!(replica.admin(&["key", "make"]).code, Some(2));
}

#[test]
fn no_secret_is_in_what_it_says() {
    let canary = "canary-password-4711";
    let replica = Replica::new()
        .env(
            "LLMGW_MONGO__URL",
            &format!("mongodb://u:{canary}@127.0.0.1:1/?replicaSet=rs0&serverSelectionTimeoutMS=200"),
        )
        .env("LLMGW_REDIS__PASSWORD", canary);
    for args in [
        &["config", "print"][..],
        &["config", "check"],
        &["key", "list"],
        &["rollup", "verify"],
    ] {
        let ended = replica.admin(args);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(
            !said.contains(canary) && !said.contains("pepper for a test"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn targets_are_asked_whether_they_are_there() {
    let listed = ok(r#"{"object":"list","data":[{"id":"smollm2"}]}"#);
    let tap = Tap::answering(move |_| Reply::from(listed.clone()));
    let standalone = Gateway::before(&tap).await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nobody = json!({"id": "gone", "base_url": format!("http://{gone}")});
    let there = json!({"id": "there", "base_url": tap.url(), "secret_text": "sk-of-the-target"});
    standalone
        .admin
        .new_model(json!({"id": "second", "targets": [there, nobody]}))
        .await;
    let test = async |model: &str| {
        let wanted = json!({"model": model});
        standalone
            .admin
            .ask("POST", "/api/v1/target-tests", Some(wanted))
            .await
    };
    let tested: Value = serde_json::from_str(test("second").await.text()).unwrap();
    let of = |place: usize, field: &str| tested["data"][place][field].clone();
    assert_eq!(
        (of(0, "target"), of(0, "well"), of(0, "status"), of(0, "problem")),
        (json!("there"), json!(true), json!(200), Value::Null)
    );
    // It is there, and has another model.
    assert_eq!(of(0, "serves_model"), json!(false));
    assert_eq!((of(1, "well"), of(1, "status")), (json!(false), Value::Null));
    assert!(of(1, "problem").is_string(), "{tested}");
    let received = tap.received();
    let asked = received
        .iter()
        .find(|request| request.path == "/v1/models")
        .unwrap();
    assert_eq!(asked.get("authorization"), Some("Bearer sk-of-the-target"));
    let first: Value = serde_json::from_str(test("smollm2").await.text()).unwrap();
    assert_eq!(first["data"][0]["serves_model"], true, "{first}");
    assert_eq!(test("nothing").await.status(), 404);

    // As a command: exit 1 where one is not there.
    let data = standalone.setup().data().display().to_string();
    let nothing = Replica::new();
    let place = Place {
        replica: &nothing,
        data: Some(&data),
    };
    standalone
        .admin
        .new_model(json!({"id": "lost", "targets": [nobody]}))
        .await;
    let ended = place.replica.admin(&place.args(&["model", "test", "lost"]));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("gone"), "{}", ended.stdout);
}
