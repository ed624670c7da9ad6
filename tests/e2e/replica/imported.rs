//! `import-legacy`: what the replaced system kept comes over once, and its keys go on working.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use llmgw_servers::{Mongod, Redis};
use llmgw_tests::{Gateway, Request, eventually};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::{Client, Database};
use serde_json::{Value, json};

use super::process::{Ended, Replica};
use super::seed::{CHAT, answering, seed};

const OLD_KEY: &str = "old-key-of-ada-0123456789";
const INACTIVE: &str = "old-key-of-bob-0123456789";
/// In no collection of keys.
const LOST_KEY: &str = "old-key-of-nobody-0123456789";

async fn source(mongod: &Mongod, name: &str) -> Database {
    let client = Client::with_uri_str(mongod.url()).await.unwrap();
    client.database(name)
}

fn now() -> DateTime {
    DateTime::now()
}

/// In the shapes of the replaced system, and what scripts made of them.
async fn fill(database: &Database) {
    let insert = async |collection: &str, documents: Vec<Document>| {
        database
            .collection(collection)
            .insert_many(documents)
            .await
            .unwrap();
    };
    insert(
        "apikeys",
        vec![
            doc! {"user": "ada", "active": true, "key": OLD_KEY, "name": "laptop"},
            doc! {"user": "bob", "active": false, "key": INACTIVE, "name": "old"},
            doc! {"user": "ada", "active": true, "key": "short", "name": "x"},
        ],
    )
    .await;
    insert(
        "users",
        vec![
            doc! {"username": "ada", "keys": [OLD_KEY]},
            doc! {"username": "carol", "keys": []},
        ],
    )
    .await;
    insert(
        "model",
        vec![
            doc! {"data": {"id": "smollm2", "owned_by": "physics"}, "path": "smollm2"},
            doc! {"data": {"id": "llama-3", "owned_by": "physics"}, "path": "http://10.0.0.5:8000"},
            doc! {"data": {"id": "..", "owned_by": "physics"}, "path": "x"},
        ],
    )
    .await;
    let seconds = now().timestamp_millis() / 1_000;
    let row = |tokens: Bson, source: &str, kind: &str, at: Bson| {
        doc! {"tokencount": tokens, "model": "smollm2", "source": source, "sourcetype": kind, "timestamp": at}
    };
    insert(
        "logs",
        vec![
            row(5.into(), OLD_KEY, "apikey", now().into()),
            row(7_i64.into(), OLD_KEY, "apikey", seconds.into()),
            row(11.0.into(), "carol", "user", (seconds as f64).into()),
            row(13.into(), LOST_KEY, "apikey", now().into()),
            row(17.into(), INACTIVE, "apikey", now().into()),
            doc! {"tokencount": 19, "model": "an-older-model", "source": "ada", "sourcetype": "user", "timestamp": now()},
            row((-1).into(), OLD_KEY, "apikey", now().into()),
            row("many".into(), OLD_KEY, "apikey", now().into()),
            row(23.into(), OLD_KEY, "apikey", "yesterday".into()),
            row(29.into(), "", "user", now().into()),
            doc! {"tokencount": 31, "model": "a b", "source": "ada", "sourcetype": "user", "timestamp": now()},
        ],
    )
    .await;
}

async fn hash_of(database: &Database) -> String {
    let hashed = database.run_command(doc! {"dbHash": 1}).await.unwrap();
    hashed.get_str("md5").unwrap().to_owned()
}

struct Place<'a> {
    replica: &'a Replica,
    data: Option<String>,
}

impl Place<'_> {
    fn run(&self, args: &[&str]) -> Ended {
        let mut all = self
            .data
            .as_deref()
            .map_or(Vec::new(), |data| vec!["--data", data]);
        all.extend(args);
        let ended = self.replica.admin(&all);
        for key in [OLD_KEY, INACTIVE, LOST_KEY] {
            assert!(
                !ended.stdout.contains(key) && !ended.stderr.contains(key),
                "{args:?}"
            );
        }
        ended
    }

    fn json(&self, args: &[&str]) -> Value {
        let ended = self.run(&[args, &["--json"]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    }

    fn sums(&self) -> BTreeMap<(String, String), u64> {
        let report = self.json(&["usage", "report", "--by", "user,model"]);
        let rows = report["data"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        rows.map(|row| {
            let who = (text(&row["user"]), text(&row["model"]));
            (who, row["tokens"]["completion"].as_u64().unwrap())
        })
        .collect()
    }

    async fn comes_once(&self, mongod: &Mongod, status: impl AsyncFn(&str) -> u16) {
        let name = format!("gateway_{}", ObjectId::new().to_hex());
        let database = source(mongod, &name).await;
        let url = mongod.url();
        let import = ["import-legacy", "--mongo", &url, "--database", &name];

        let empty = self.run(&import);
        assert_eq!(empty.code, Some(1), "{}", empty.stdout);
        assert!(empty.stderr.contains("--database"), "{}", empty.stderr);

        fill(&database).await;
        let before = hash_of(&database).await;
        let planned = self.json(&[&import[..], &["--dry-run"]].concat());
        assert_eq!(planned["imported"], false);
        assert_eq!(planned["keys"]["made"], 2);
        assert_eq!(self.sums(), BTreeMap::new());
        assert_eq!(status(OLD_KEY).await, 401);

        let came = self.json(&import);
        // Ada, Bob and Carol, and whoever had the lost key.
        let number = |value: &Value| value.as_u64().unwrap();
        let users = &came["users"];
        assert_eq!(number(&users["made"]) + number(&users["there"]), 4, "{came}");
        assert_eq!(
            came["keys"],
            json!({"made": 2, "there": 0, "revoked": 1, "left_out": {"the key has not 16 to 256 visible characters": 1}})
        );
        assert_eq!(came["models"]["made"], 1, "{came}");
        assert_eq!(came["usage"]["read"], 11);
        assert_eq!(came["usage"]["made"], 6);
        assert_eq!(came["usage"]["tokens"], 72);
        assert_eq!(
            came["usage"]["left_out"],
            json!({
                "`tokencount` is no count of tokens": {"rows": 2, "tokens": 0},
                "`timestamp` is no moment": {"rows": 1, "tokens": 23},
                "nobody is named who could pay": {"rows": 1, "tokens": 29},
                "`model` is no name of a model": {"rows": 1, "tokens": 31},
            })
        );

        eventually("the old key works", async || {
            (status(OLD_KEY).await == 200).then_some(())
        })
        .await;
        // 429 where the tries before were too many.
        let refused = status(INACTIVE).await;
        assert!(matches!(refused, 401 | 429), "{refused}");
        let mut sums = self.sums();
        let lost = sums
            .keys()
            .find(|(user, _)| user.starts_with("imported key "))
            .cloned()
            .unwrap();
        assert_eq!(sums.remove(&lost), Some(13));
        for (user, model, tokens) in [
            ("ada", "an-older-model", 19),
            ("bob", "smollm2", 17),
            ("carol", "smollm2", 11),
        ] {
            assert_eq!(
                sums.remove(&(user.to_owned(), model.to_owned())),
                Some(tokens),
                "{user}"
            );
        }
        // Beside what the tries above used.
        let events = self.json(&["usage", "events", "--user", "ada", "--limit", "1000"]);
        let imported = events["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["target"] == "imported");
        let tokens: u64 = imported
            .map(|event| event["tokens"]["completion"].as_u64().unwrap())
            .sum();
        assert_eq!(tokens, 5 + 7 + 19);

        let again = self.json(&import);
        for kind in ["users", "keys", "models", "usage"] {
            assert_eq!(again[kind]["made"], 0, "{kind}: {again}");
        }
        assert_eq!(
            (&again["usage"]["there"], &again["keys"]["revoked"]),
            (&json!(6), &json!(0))
        );
        assert_eq!(self.json(&["rollup", "verify"])["differences"], 0);
        assert_eq!(hash_of(&database).await, before, "something was changed there");
        let listed = self.json(&["audit", "list", "--action", "import."]);
        let stages: Vec<_> = listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| &entry["stage"])
            .collect();
        assert_eq!(stages, ["done", "intended", "done", "intended"]);
        let people = self.run(&import);
        assert!(
            people
                .stdout
                .contains("usage: 11 rows read, 0 came, 6 are here already; 72 tokens"),
            "{}",
            people.stdout
        );
        database.drop().await.unwrap();
    }
}

#[tokio::test]
async fn into_mongodb_everything_comes_once() {
    let tap = answering();
    let (mongod, redis) = (Mongod::start(), Redis::start());
    let mut seeded = seed(&mongod, &redis, &tap).await;
    seeded.replica = seeded.replica.env("LLM_DEFAULT_URL", &tap.url());
    let gateway = seeded.replica.serve().await;
    let place = Place {
        replica: &seeded.replica,
        data: None,
    };
    let status = async |key: &str| {
        let chat = Request::post("/v1/chat/completions", CHAT).key(key);
        gateway.ask(&chat).await.status()
    };
    place.comes_once(&mongod, status).await;
    gateway.stop().await;
}

#[tokio::test]
async fn into_a_standalone_everything_comes_once() {
    let tap = answering();
    let standalone = Gateway::before(&tap).await;
    let nothing = Replica::new();
    let place = Place {
        replica: &nothing,
        data: Some(standalone.setup().data().display().to_string()),
    };
    let status = async |key: &str| {
        let chat = Request::post("/v1/chat/completions", CHAT).key(key);
        standalone.ask(&chat).await.status()
    };
    place.comes_once(Mongod::shared(), status).await;
}

/// How many rows; `make verify-import` asks for a million.
fn rows() -> u64 {
    std::env::var("LLMGW_IMPORT_ROWS").map_or(3_000, |rows| rows.parse().unwrap())
}

/// Rows of 50 users and 8 models; what each sum must be.
async fn fill_with(database: &Database, rows: u64) -> BTreeMap<(String, String), u64> {
    let users: Vec<String> = (0..50).map(|number| format!("user-{number}")).collect();
    let key = |user: &str| format!("old-key-of-{user}-0123456789");
    let keys = users
        .iter()
        .map(|user| doc! {"user": user, "active": true, "key": key(user), "name": "k"});
    let names = users
        .iter()
        .map(|user| doc! {"username": user, "keys": [key(user)]});
    let all: [(&str, Vec<Document>); 2] = [("apikeys", keys.collect()), ("users", names.collect())];
    for (collection, documents) in all {
        database
            .collection(collection)
            .insert_many(documents)
            .await
            .unwrap();
    }
    let (mut sums, begun) = (BTreeMap::new(), now().timestamp_millis());
    for first in (0..rows).step_by(20_000) {
        let batch = (first..rows.min(first + 20_000)).map(|number| {
            let user = &users[usize::try_from(number * 7 % 50).unwrap()];
            let model = format!("model-{}", number % 8);
            *sums.entry((user.clone(), model.clone())).or_default() += number % 1_000;
            let at = begun - i64::try_from(number % 86_400_000).unwrap() * 1_000 % (300 * 86_400_000);
            doc! {
                "tokencount": i64::try_from(number % 1_000).unwrap(), "model": model, "source": key(user),
                "sourcetype": "apikey", "timestamp": DateTime::from_millis(at),
            }
        });
        let batch: Vec<Document> = batch.collect();
        database
            .collection("logs")
            .insert_many(batch)
            .ordered(false)
            .await
            .unwrap();
    }
    sums
}

#[tokio::test]
async fn many_rows_come_with_equal_sums() {
    let tap = answering();
    let (mongod, redis) = (Mongod::start(), Redis::start());
    let seeded = seed(&mongod, &redis, &tap).await;
    let database = source(&mongod, "gateway").await;
    let (rows, long) = (rows(), Duration::from_secs(3_000));
    let expected = fill_with(&database, rows).await;
    let url = mongod.url();
    let import = ["import-legacy", "--mongo", &url, "--json"];
    for made in [rows, 0] {
        let began = Instant::now();
        let ended = seeded.replica.admin_within(&import, long);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let came: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(came["usage"]["made"], made, "{came}");
        assert_eq!(came["usage"]["there"], rows - made);
        assert_eq!(came["usage"]["left_out"], json!({}));
        println!(
            "- {rows} rows, {made} of them new: {:.1} s, at most {} MiB resident",
            began.elapsed().as_secs_f64(),
            ended.resident / 1_024
        );
    }
    let place = Place {
        replica: &seeded.replica,
        data: None,
    };
    assert_eq!(place.sums(), expected);
    println!(
        "- {} sums of a user and a model are those of the rows",
        expected.len()
    );
    let gateway = seeded.replica.serve().await;
    let chat = Request::post("/v1/chat/completions", CHAT).key("old-key-of-user-7-0123456789");
    assert_eq!(gateway.ask(&chat).await.status(), 200);
    println!("- a key from there is answered by the gateway");
    gateway.stop().await;
}

#[test]
fn an_address_that_is_none_is_told_without_its_password() {
    let replica = Replica::new();
    let tap_free = [
        "--mongo",
        "mongodb://ada:hunter2@127.0.0.1:1/?serverSelectionTimeoutMS=50",
    ];
    let wrong = ["--mongo", "nonsense-hunter2"];
    for mongo in [tap_free, wrong] {
        let ended = replica.admin(&[&["import-legacy"][..], &mongo].concat());
        assert_ne!(ended.code, Some(0));
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}
