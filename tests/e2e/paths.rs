//! Every path of the table: what goes through it, what it costs, and what is not served at all.

mod fuzz;
mod kept;
mod metering;
mod quirks;
mod samples;
mod streams;
mod uploads;

use llmgw_tests::answers::ok;
use llmgw_tests::{Gateway, Received, Request, Tap};
use samples::{BOUNDARY, SAMPLES, Sample, form, form_type};
use serde_json::json;

/// Gives back what it got, declared as it was.
fn mirror() -> Tap {
    Tap::answering(|received: &Received| {
        let declared = received.get("content-type").unwrap_or("application/json");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {declared}\r\nContent-Length: {}\r\n\r\n",
            received.body.len()
        );
        [head.as_bytes(), &received.body].concat()
    })
}

async fn public(gateway: &Gateway, tap: &Tap) {
    let target = json!({"id": "own", "base_url": tap.url(), "model": "own/\"name\""});
    let model = json!({"id": "public", "aliases": ["also"], "targets": [target]});
    gateway.admin.new_model(model).await;
}

const ODD: &str = " {\r\n\t\"zeta\" : 1.0e+3, \"big\":123456789012345678901234567890 ,\"model\"\t:\n\"MODEL\",\"a\\u0062c\": \
    \"\\u00e9\\uD83D\\uDE00\\/é😀\",\"unknown\":{\"model\":\"inner\",\"stream_options\":[ ]},\"-0\":-0.0 }\n";

#[tokio::test]
async fn every_path_passes_its_bytes_both_ways() {
    let tap = mirror();
    let gateway = Gateway::before(&tap).await;
    public(&gateway, &tap).await;
    for sample in SAMPLES {
        for (name, arrives) in [
            ("smollm2", "smollm2"),
            ("public", "own/\"name\""),
            ("also", "own/\"name\""),
        ] {
            let (sent, expected) = odd_bodies(sample, name, arrives);
            let request = Request::post_as(&sample.content_type(), sample.path, sent).key(&gateway.key);
            let answer = gateway.ask(&request).await;
            assert_eq!(answer.status(), 200, "{}: {}", sample.path, answer.text());
            let received = tap.forwarded().pop().unwrap();
            assert_eq!(
                (&*received.method, &*received.path),
                ("POST", sample.upstream_path())
            );
            assert_eq!(
                received.get("content-type"),
                Some(&*sample.content_type()),
                "{}",
                sample.path
            );
            assert!(
                received.body == expected,
                "{} as {name}: {:?}",
                sample.path,
                received.text()
            );
            assert!(
                answer.body == expected && answer.whole,
                "{}: {:?}",
                sample.path,
                answer.text()
            );
        }
    }
}

fn odd_bodies(sample: &Sample, name: &str, arrives: &str) -> (Vec<u8>, Vec<u8>) {
    if sample.is_form() {
        let with = |model: &str| {
            let parts = [
                (
                    "file\"; filename=\"odd \\\" name.wav",
                    "RIFF\0\r\n--other\r\n\u{1}",
                ),
                ("x-Unknown", "two\r\nlines"),
                ("model", model),
                ("empty", ""),
            ];
            form(&parts)
        };
        (with(name), with(arrives))
    } else {
        let written = serde_json::to_string(arrives).unwrap();
        let sent = ODD.replace("MODEL", name);
        (sent.into(), ODD.replace("\"MODEL\"", &written).into())
    }
}

#[tokio::test]
async fn what_stands_behind_the_question_mark_goes_along() {
    let tap = mirror();
    let gateway = Gateway::before(&tap).await;
    for query in ["beta=true", "a=%2F%2e.&b[]=c+d&&", "x"] {
        let path = format!("/v1/messages?{query}");
        gateway.post(&path, r#"{"model":"smollm2"}"#).await;
        assert_eq!(tap.forwarded().pop().unwrap().path, path);
    }
}

#[tokio::test]
async fn where_no_model_is_named_the_only_one_is_meant() {
    let tap = mirror();
    let gateway = Gateway::before(&tap).await;
    let narrow = gateway
        .admin
        .new_key("alice", json!({"models": ["smollm2"]}))
        .await;
    let may_be_missing = |sample: &&Sample| sample.model_is_optional;
    let ask = async |sample: &Sample, key: &str| {
        let body = if sample.is_form() {
            form(&[("prompt", "a lighthouse")])
        } else {
            br#"{ "input" : "x", "model":null }"#.to_vec()
        };
        let request = Request::post_as(&sample.content_type(), sample.path, body.clone()).key(key);
        (gateway.ask(&request).await, body)
    };
    for sample in SAMPLES {
        let (answer, body) = ask(sample, &gateway.key).await;
        if sample.model_is_optional {
            assert_eq!((answer.status(), &answer.body), (200, &body), "{}", sample.path);
        } else {
            assert_eq!(
                (answer.status(), answer.code()),
                refused(sample),
                "{}",
                sample.path
            );
        }
    }
    public(&gateway, &tap).await;
    for sample in SAMPLES.iter().filter(may_be_missing) {
        let (answer, _) = ask(sample, &gateway.key).await;
        assert_eq!(
            (answer.status(), answer.code()),
            refused(sample),
            "{}: now there are two",
            sample.path
        );
        let (answer, _) = ask(sample, &narrow.text).await;
        assert_eq!(answer.status(), 200, "{}: this key may use one", sample.path);
    }
}

fn refused(sample: &Sample) -> (u16, String) {
    // Anthropic's errors have no code.
    let code = if sample.path.starts_with("/v1/messages") {
        ""
    } else {
        "missing_model"
    };
    (400, code.to_owned())
}

#[tokio::test]
async fn forms_that_can_be_read_in_two_ways_reach_no_model_server() {
    let tap = mirror();
    let gateway = Gateway::before(&tap).await;
    let good = form(&[("model", "smollm2"), ("prompt", "x")]);
    let text = String::from_utf8(good.clone()).unwrap();
    let twice = form(&[("model", "smollm2"), ("model", "other")]);
    for (status, code, declared, body) in [
        (400, "duplicate_field", form_type(), twice),
        (
            400,
            "invalid_form",
            form_type(),
            text.replace("\r\n", "\n").into_bytes(),
        ),
        (
            400,
            "invalid_form",
            form_type(),
            format!("preamble\r\n{text}").into_bytes(),
        ),
        (
            400,
            "invalid_form",
            form_type(),
            text.as_bytes()[..text.len() - 6].to_vec(),
        ),
        (
            400,
            "invalid_form",
            "multipart/form-data".to_owned(),
            good.clone(),
        ),
        (
            400,
            "invalid_form",
            form_type().replace(BOUNDARY, "other"),
            good.clone(),
        ),
        (
            415,
            "unsupported_media_type",
            "application/json".to_owned(),
            good.clone(),
        ),
        (
            415,
            "unsupported_media_type",
            "application/x-www-form-urlencoded".to_owned(),
            b"model=smollm2".to_vec(),
        ),
        (400, "missing_model", form_type(), form(&[("prompt", "x")])),
    ] {
        let request = Request::post_as(&declared, "/v1/audio/transcriptions", body).key(&gateway.key);
        let answer = gateway.ask(&request).await;
        assert_eq!(
            (answer.status(), answer.code()),
            (status, code.to_owned()),
            "{}",
            answer.text()
        );
    }
    assert_eq!((tap.connections(), gateway.ledger().await.len()), (0, 0));
}

/// What model servers have besides the LLM API, and must be asked for by nobody outside.
const HIDDEN: [&str; 32] = [
    "/invocations",
    "/sleep",
    "/wake_up",
    "/is_sleeping",
    "/pause",
    "/resume",
    "/is_paused",
    "/collective_rpc",
    "/reset_prefix_cache",
    "/reset_mm_cache",
    "/reset_encoder_cache",
    "/update_weights",
    "/update_weights_from_disk",
    "/update_weights_from_tensor",
    "/init_weights_update_group",
    "/server_info",
    "/get_server_info",
    "/get_model_info",
    "/flush_cache",
    "/abort_request",
    "/start_profile",
    "/stop_profile",
    "/v1/load_lora_adapter",
    "/v1/unload_lora_adapter",
    "/lora-adapters",
    "/slots",
    "/props",
    "/metrics",
    "/api/pull",
    "/v1/files",
    "/v1/fine_tuning/jobs",
    "/v1/conversations",
];

#[tokio::test]
async fn what_model_servers_must_not_show_is_not_there() {
    let tap = mirror();
    let gateway = Gateway::before(&tap).await;
    for path in HIDDEN {
        for prefix in [
            "",
            "/smollm2",
            "/v1",
            "/v1/chat/completions/..",
            "/v1/chat/completions/%2e%2e",
            "/",
        ] {
            for method in ["GET", "POST", "PUT", "DELETE"] {
                let path = format!("{prefix}{path}");
                let request = Request::post(&path, r#"{"model":"smollm2"}"#)
                    .method(method)
                    .key(&gateway.key);
                let answer = gateway.ask(&request).await;
                assert_eq!(
                    (answer.status(), answer.code()),
                    (404, "unknown_url".to_owned()),
                    "{method} {path}"
                );
            }
        }
    }
    assert_eq!((tap.connections(), gateway.ledger().await.len()), (0, 0));
}

#[tokio::test]
async fn a_path_takes_its_own_methods_and_says_which() {
    let tap = mirror();
    let gateway = Gateway::before(&tap).await;
    let ask = async |method: &'static str, path: &str| {
        let request = Request::get(path).method(method).key(&gateway.key);
        let answer = gateway.ask(&request).await;
        let allow = answer.head.get("allow").unwrap_or_default().to_owned();
        (
            answer.status(),
            allow,
            answer.json()["error"]["message"].as_str().unwrap().to_owned(),
        )
    };
    for sample in SAMPLES {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let (status, allow, _) = ask(method, sample.path).await;
            assert_eq!((status, &*allow), (405, "POST"), "{method} {}", sample.path);
        }
    }
    for (path, allowed) in [
        ("/v1/responses/resp_1", "GET, DELETE"),
        ("/v1/responses/resp_1/cancel", "POST"),
        ("/v1/chat/completions/c_1", "GET, POST, DELETE"),
        ("/v1/models", "GET"),
    ] {
        assert_eq!(ask("PATCH", path).await.1, allowed);
    }
    let (status, _, message) = ask("DELETE", "/v1/models/smollm2").await;
    assert_eq!(
        (status, message.contains("administrator")),
        (405, true),
        "{message}"
    );
    let (status, _, message) = ask("GET", "/v1/chat/completions").await;
    assert_eq!(
        (status, message.contains("cannot be listed")),
        (405, true),
        "{message}"
    );
    assert_eq!(tap.connections(), 0);
}

#[tokio::test]
async fn a_model_may_serve_some_endpoints_only() {
    let tap = Tap::answering(|_| ok("{}"));
    let gateway = Gateway::before(&tap).await;
    let target = json!({"id": "t", "base_url": tap.url()});
    let model = json!({"id": "ranker", "targets": [target], "endpoints": ["rerank", "tokenize"]});
    gateway.admin.new_model(model).await;
    for sample in SAMPLES {
        let request =
            Request::post_as(&sample.content_type(), sample.path, sample.body("ranker")).key(&gateway.key);
        let answer = gateway.ask(&request).await;
        let served = ["rerank", "tokenize"].contains(&sample.endpoint);
        assert_eq!(answer.status(), if served { 200 } else { 404 }, "{}", sample.path);
    }
}

#[test]
fn every_row_of_the_table_has_a_sample() {
    let text = include_str!("../../crates/proxy/src/endpoint.rs");
    let path = |line: &'static str| line.trim().strip_prefix("post(\"")?.split('"').next();
    let rows: Vec<_> = text.lines().filter_map(path).collect();
    let samples: Vec<_> = SAMPLES.iter().map(|sample| sample.path).collect();
    assert_eq!(rows, samples);
}

#[test]
fn every_path_is_in_the_guide() {
    let text = include_str!("../../crates/proxy/src/endpoint.rs");
    let guide = include_str!("../../docs/guides/llm-api.md");
    let path = |line: &'static str| {
        let row = line.trim();
        let rest = row
            .strip_prefix("post(\"")
            .or_else(|| row.strip_prefix("about(\""))?;
        rest.split('"').next()
    };
    let missing: Vec<_> = text
        .lines()
        .filter_map(path)
        .filter(|path| !guide.contains(&format!("{path}`")))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}
