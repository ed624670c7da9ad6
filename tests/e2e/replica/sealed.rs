//! The secret of a target is given once and sent to that target; nobody else ever sees it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use llmgw_servers::{Mongod, Redis};
use llmgw_tests::{Admin, Answer, Request, Setup, Tap, eventually};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

use super::process::Running;
use super::seed::{CHAT, answering, seed};

const CANARY: &str = "sk-canary-of-a-target-5f1d";
const ADMIN_KEY: &str = "the-admin-key-of-a-test";
const MASTER_KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

fn wanted(tap: &Tap) -> Value {
    json!({"id": "second", "targets": [{"id": "t", "base_url": tap.url(), "secret_text": CANARY}]})
}

/// The administration, wherever it is; whatever it answers is searched for the canary.
struct Searched(Admin);

impl Searched {
    async fn ask(&self, method: &'static str, path: &str, body: Option<Value>) -> Answer {
        let answer = self.0.ask(method, path, body).await;
        assert!(
            !answer.text().contains("canary"),
            "{method} {path}: {}",
            answer.text()
        );
        assert!(
            !answer.text().contains("sealed:"),
            "{method} {path}: {}",
            answer.text()
        );
        answer
    }

    async fn status(&self, method: &'static str, path: &str, body: Option<Value>) -> u16 {
        self.ask(method, path, body).await.status()
    }

    // What goes right and what goes wrong with it.
    async fn takes_and_keeps_it(&self, tap: &Tap) {
        let made = self.ask("POST", "/api/v1/models", Some(wanted(tap))).await;
        assert_eq!(made.status(), 201, "{}", made.text());
        assert_eq!(made.json()["targets"][0]["secret"], "sealed");
        let mut read = self.ask("GET", "/api/v1/models/second", None).await.json();
        // An answer can be sent back as it is, and keeps it.
        assert_eq!(
            self.status("PUT", "/api/v1/models/second", Some(read.clone()))
                .await,
            200
        );
        // At another place it must be given again.
        read["targets"][0]["base_url"] = json!("http://127.0.0.1:9");
        assert_eq!(
            self.status("PUT", "/api/v1/models/second", Some(read.clone()))
                .await,
            422
        );
        let spoiled: [fn(&mut Value); 6] = [
            |target| target["id"] = json!("other"),
            |target| target["secret"] = json!("sealed:v1:00000000:AAAA"),
            |target| target["secret"] = json!(format!("env:{CANARY}")),
            |target| target["secret_text"] = json!({"canary": CANARY}),
            |target| target["secret_text"] = json!(format!("{CANARY}\n")),
            |target| target["unknown"] = json!(CANARY),
        ];
        for spoil in spoiled {
            let mut wanted = self.ask("GET", "/api/v1/models/second", None).await.json();
            wanted["targets"][0]["secret_text"] = Value::Null;
            spoil(&mut wanted["targets"][0]);
            let refused = self.ask("PUT", "/api/v1/models/second", Some(wanted)).await;
            assert_eq!(refused.status(), 422, "{}", refused.text());
        }
        let named = json!({"id": "third", "targets": [{
            "base_url": tap.url(), "secret": "file:a.key", "secret_text": CANARY,
        }]});
        assert_eq!(self.status("POST", "/api/v1/models", Some(named)).await, 422);
        for path in [
            "/api/v1/models",
            "/api/v1/models/second",
            "/api/v1/audit?limit=1000",
            "/api/v1/openapi.json",
            "/api/v1/keys",
            "/api/v1/usage/events",
        ] {
            assert_eq!(self.status("GET", path, None).await, 200, "{path}");
        }
    }
}

/// A request arrives with it.
async fn is_sent_it(tap: &Tap, gateway: impl AsyncFn(&Request) -> u16, key: &str) {
    let chat = Request::post("/v1/chat/completions", CHAT.replace("smollm2", "second")).key(key);
    eventually("it is served", async || {
        (gateway(&chat).await == 200).then_some(())
    })
    .await;
    let received = tap.received();
    let sent = received.last().and_then(|request| request.get("authorization"));
    assert_eq!(sent, Some(&*format!("Bearer {CANARY}")));
}

fn nowhere_below(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nowhere_below(&path);
        } else {
            assert!(
                !has_it(&fs::read(&path).unwrap_or_default()),
                "{}",
                path.display()
            );
        }
    }
}

fn has_it(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes())
}

async fn nowhere_in_mongodb(mongod: &Mongod) {
    let client = Client::with_uri_str(mongod.url()).await.unwrap();
    let mut documents = 0;
    for name in client.list_database_names().await.unwrap() {
        let database = client.database(&name);
        for collection in database.list_collection_names().await.unwrap() {
            if collection.starts_with("system.") {
                continue;
            }
            let all = database.collection::<Document>(&collection);
            let mut found = all.find(doc! {}).await.unwrap();
            while found.advance().await.unwrap() {
                documents += 1;
                let bytes = found.current().as_bytes();
                assert!(!has_it(bytes), "{name}.{collection}");
            }
        }
    }
    assert!(documents > 5, "only {documents} documents");
}

fn nowhere_in_redis(redis: &Redis) {
    let mut connection = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    connection
        .write_all(b"CONFIG SET rdbcompression no\r\nSAVE\r\nCONFIG GET dir\r\nQUIT\r\n")
        .unwrap();
    let mut said = String::new();
    connection.read_to_string(&mut said).unwrap();
    let dir = said
        .lines()
        .find(|line| line.starts_with('/'))
        .unwrap_or_else(|| panic!("{said}"));
    let dump = fs::read(Path::new(dir).join("dump.rdb")).unwrap();
    assert!(dump.len() > 200, "only {} bytes", dump.len());
    assert!(!has_it(&dump));
}

fn admin_of(service: &Running) -> Searched {
    Searched(Admin::new(service.api, ADMIN_KEY))
}

#[tokio::test]
async fn on_mongodb_and_redis_only_its_target_sees_it() {
    let (mongod, redis) = (Mongod::start(), Redis::start());
    let tap = answering();
    let seeded = seed(&mongod, &redis, &tap).await;
    let file = seeded.replica.folder().join("master_keys");
    fs::write(&file, MASTER_KEY).unwrap();
    let replica = seeded
        .replica
        .env("LLMGW_ADMIN__KEY", ADMIN_KEY)
        .env("LLMGW_SECRETS__MASTER_KEY_FILE", file.to_str().unwrap())
        .env("LLMGW_LOG__LEVEL", "trace")
        .env("LLMGW_LOG__FORMAT", "json");
    let (gateway, service) = (replica.serve().await, replica.serve_admin().await);
    let admin = admin_of(&service);
    admin.takes_and_keeps_it(&tap).await;
    let ask = async |request: &Request| gateway.ask(request).await.status();
    is_sent_it(&tap, ask, &seeded.key).await;
    for args in [
        &["config", "print"][..],
        &["model", "list", "--json"],
        &["audit", "list", "--json", "--limit", "1000"],
    ] {
        let said = replica.admin(args);
        assert!(
            !has_it(said.stdout.as_bytes()) && !has_it(said.stderr.as_bytes()),
            "{args:?}"
        );
    }
    let said = replica.run(&["config", "print"]);
    assert!(!has_it(said.stdout.as_bytes()));
    nowhere_in_mongodb(&mongod).await;
    nowhere_in_redis(&redis);
    gateway.stop().await;
    service.stop().await;
    // Logs, the journal, and the catalogue that is kept beside it.
    nowhere_below(replica.folder());
}

#[tokio::test]
async fn in_a_standalone_only_its_target_sees_it() {
    let tap = answering();
    let setup = Setup::default().upstream(&tap).env("LLMGW_LOG__LEVEL", "trace");
    let mut standalone = setup.start().await;
    let admin = Searched(standalone.admin.clone());
    admin.takes_and_keeps_it(&tap).await;
    let ask = async |request: &Request| standalone.ask(request).await.status();
    is_sent_it(&tap, ask, &standalone.key).await;
    standalone.sigterm();
    assert!(standalone.exited().await.success());
    nowhere_below(standalone.setup().folder());
    // Its master key outlives it.
    standalone.start_again().await;
    let ask = async |request: &Request| standalone.ask(request).await.status();
    is_sent_it(&tap, ask, &standalone.key).await;
}

#[tokio::test]
async fn a_command_reads_it_from_a_file_and_says_what_is_missing() {
    let tap = answering();
    let seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    let url = tap.url();
    let add = [
        "model",
        "add",
        "second",
        "--url",
        &url,
        "--secret-file",
        "-",
        "--json",
    ];
    let refused = seeded.replica.admin_reading(&add, CANARY);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(
        refused.stderr.contains("secrets.master_key_file"),
        "{}",
        refused.stderr
    );
    let file = seeded.replica.folder().join("master_keys");
    let replica = seeded
        .replica
        .env("LLMGW_SECRETS__MASTER_KEY_FILE", file.to_str().unwrap());
    fs::write(&file, "hunter2").unwrap();
    for checked in [
        replica.admin(&["config", "check"]),
        replica.run(&["config", "check"]),
    ] {
        assert_eq!(checked.code, Some(78), "{}", checked.stderr);
        for words in ["secrets.master_key_file", "openssl rand -base64 32"] {
            assert!(checked.stderr.contains(words), "{words}: {}", checked.stderr);
        }
        assert!(!checked.stderr.contains("hunter2"));
    }
    fs::write(&file, MASTER_KEY).unwrap();
    let made = replica.admin_reading(&add, &format!("{CANARY}\n"));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(made.stdout.contains("\"secret\":\"sealed\"") && !has_it(made.stdout.as_bytes()));
    let gateway = replica.serve().await;
    let ask = async |request: &Request| gateway.ask(request).await.status();
    is_sent_it(&tap, ask, &seeded.key).await;
    // Under another master key nothing opens, and the client is told nothing of why.
    gateway.stop().await;
    fs::write(&file, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    let gateway = replica.serve().await;
    let chat = Request::post("/v1/chat/completions", CHAT.replace("smollm2", "second")).key(&seeded.key);
    let answer = gateway.ask(&chat).await;
    assert!(answer.status() >= 500, "{}", answer.text());
    assert!(!answer.text().contains("master"), "{}", answer.text());
    gateway.stop().await;
}
