//! Whatever stands in a request or an answer that we do not know goes through: there is no third edit.

use std::sync::{Arc, Mutex};

use llmgw_tests::{Connection, Gateway, Received, Reply, Request, Tap};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Builder;

use super::public;
use super::samples::{SAMPLES, Sample, form};

const CASES: u32 = 500;

/// What goes on, each way, besides what frames a message.
const UP: [&str; 8] = [
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "content-type",
    "openai-beta",
    "traceparent",
    "tracestate",
    "user-agent",
];
const DOWN: [&str; 15] = [
    "anthropic-version",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "openai-model",
    "openai-processing-ms",
    "openai-version",
    "retry-after",
    "retry-after-ms",
    "traceparent",
    "vary",
    "x-accel-buffering",
    "x-should-retry",
];
/// What we add.
const OURS: [&str; 4] = ["x-request-id", "content-length", "transfer-encoding", "date"];
const FRAMING: [&str; 3] = ["host", "content-length", "accept-encoding"];

type Fields = Vec<(String, String)>;

#[derive(Debug, Clone)]
struct Case {
    sample: &'static Sample,
    model: &'static str,
    streamed: bool,
    before: Fields,
    after: Fields,
    headers: Fields,
    status: u16,
    answer_headers: Fields,
    answer: Vec<u8>,
    chunked: bool,
}

// JSON as no encoder of ours would write it.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "1.0e+3",
            "-0.0",
            "123456789012345678901234567890",
            "1E400",
            "\"\"",
            "[ ]",
            "{ }",
        ])
        .prop_map(str::to_owned),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        "\"(\\\\u00e9|\\\\/|\\\\uD83D\\\\uDE00|[a-z ]){0,8}\"",
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(" ,\n"))),
            vec(("[a-z]{0,6}|model|stream|usage", inner), 0..3).prop_map(|fields| {
                let fields: Vec<_> = fields
                    .into_iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{\t{}}}", fields.join(","))
            }),
        ]
    })
}

// None of these is a field that decides anything.
fn fields() -> impl Strategy<Value = Fields> {
    vec(("x[a-zA-Z0-9_.é -]{0,10}", value()), 0..4)
}

fn headers(known: &'static [&'static str]) -> impl Strategy<Value = Fields> {
    let known: Vec<&str> = known
        .iter()
        .copied()
        .filter(|name| *name != "content-type")
        .collect();
    let name = prop_oneof![
        prop::sample::select(known).prop_map(str::to_owned),
        "x-[a-z]{1,8}",
        prop::sample::select(vec![
            "cookie",
            "set-cookie",
            "server",
            "x-api-key2",
            "via",
            "forwarded",
            "te"
        ])
        .prop_map(str::to_owned),
    ];
    vec((name, "[!-~]([ -~]{0,20}[!-~])?"), 0..5)
}

fn statuses() -> impl Strategy<Value = u16> {
    // Answers without a body are another matter.
    let any = (200_u16..600).prop_filter("no body", |status| ![204, 205, 304].contains(status));
    prop_oneof![Just(200), any]
}

fn cases() -> impl Strategy<Value = Case> {
    let answer = prop_oneof![vec(any::<u8>(), 1..200), value().prop_map(String::into_bytes)];
    (
        (
            prop::sample::select(SAMPLES.iter().collect::<Vec<_>>()),
            prop::sample::select(vec!["smollm2", "public", "also"]),
            any::<bool>(),
        ),
        (fields(), fields(), headers(&UP)),
        (statuses(), headers(&DOWN), answer, any::<bool>()),
    )
        .prop_map(
            |(
                (sample, model, streamed),
                (before, after, headers),
                (status, answer_headers, answer, chunked),
            )| {
                Case {
                    sample,
                    model,
                    streamed,
                    before,
                    after,
                    headers,
                    status,
                    answer_headers,
                    answer,
                    chunked,
                }
            },
        )
}

impl Case {
    // A body that names `model`, with what `behind` adds to it.
    fn body(&self, model: &str, behind: &str) -> Vec<u8> {
        if self.sample.is_form() {
            let text = |(name, value): &(String, String)| (name.clone(), value.clone());
            let before: Vec<_> = self.before.iter().map(text).collect();
            let after: Vec<_> = self.after.iter().map(text).collect();
            let mut parts: Vec<(&str, &str)> =
                before.iter().map(|(name, value)| (&**name, &**value)).collect();
            parts.push(("model", model));
            parts.extend(after.iter().map(|(name, value)| (&**name, &**value)));
            return form(&parts);
        }
        let written =
            |(name, value): &(String, String)| format!("{}: {value}", serde_json::to_string(name).unwrap());
        let mut fields: Vec<String> = self.before.iter().map(written).collect();
        fields.push(format!(
            "\"model\":{}{behind}",
            serde_json::to_string(model).unwrap()
        ));
        fields.push(format!("\"stream\":{}", self.streamed));
        fields.extend(self.after.iter().map(written));
        format!("{{ {} }}\n", fields.join(" , ")).into_bytes()
    }

    fn arrives(&self) -> Vec<u8> {
        let own = if self.model == "smollm2" {
            "smollm2"
        } else {
            "own/\"name\""
        };
        let asks = ["/v1/chat/completions", "/v1/completions"].contains(&self.sample.path);
        let behind = if self.streamed && asks {
            r#","stream_options":{"include_usage":true}"#
        } else {
            ""
        };
        self.body(own, behind)
    }

    fn reply(&self) -> Reply {
        let mut head = format!(
            "HTTP/1.1 {} Whatever\r\nContent-Type: application/octet-stream\r\n",
            self.status
        );
        for (name, value) in &self.answer_headers {
            head += &format!("{name}: {value}\r\n");
        }
        let body = if self.chunked {
            head += "Transfer-Encoding: chunked\r\n\r\n";
            let chunks: Vec<u8> = self
                .answer
                .chunks(7)
                .flat_map(llmgw_tests::answers::chunk)
                .collect();
            [chunks, b"0\r\n\r\n".to_vec()].concat()
        } else {
            head += &format!("Content-Length: {}\r\n\r\n", self.answer.len());
            self.answer.clone()
        };
        [head.into_bytes(), body].concat().into()
    }

    fn request(&self, key: &str) -> Request {
        let request = Request::post_as(
            &self.sample.content_type(),
            self.sample.path,
            self.body(self.model, ""),
        );
        let request = request.key(key);
        self.headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name, value))
    }

    fn check(&self, received: &Received, answer: &llmgw_tests::Answer) -> Result<(), TestCaseError> {
        let expected = self.arrives();
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        prop_assert_eq!(shown(&received.body), shown(&expected));
        prop_assert_eq!(received.path.as_str(), self.sample.upstream_path());
        let went = named(&received.headers, &UP);
        let sent: Fields = self
            .headers
            .iter()
            .rev()
            .fold(Vec::new(), |mut kept: Fields, field| {
                // The client sends a name once, as the last one that was set.
                if !kept.iter().any(|(name, _)| *name == field.0) {
                    kept.insert(0, field.clone());
                }
                kept
            });
        let mut sent = named(&sent, &UP);
        sent.push(("content-type".to_owned(), self.sample.content_type()));
        prop_assert_eq!(sorted(went), sorted(sent));
        let stray = received.headers.iter().find(|(name, _)| {
            !UP.contains(&&**name) && !OURS.contains(&&**name) && !FRAMING.contains(&&**name)
        });
        prop_assert_eq!(stray, None);

        prop_assert_eq!(answer.status(), self.status);
        prop_assert!(
            answer.body == self.answer && answer.whole,
            "the client got {:?}",
            answer.body
        );
        let came = named(&answer.head.headers, &DOWN);
        let mut told = named(&self.answer_headers, &DOWN);
        told.push(("content-type".to_owned(), "application/octet-stream".to_owned()));
        prop_assert_eq!(sorted(came), sorted(told));
        let stray = answer.head.headers.iter().find(|(name, _)| {
            !DOWN.contains(&&**name) && !OURS.contains(&&**name) && !name.starts_with("x-ratelimit-")
        });
        prop_assert_eq!(stray, None);
        Ok(())
    }
}

fn named(fields: &Fields, names: &[&str]) -> Fields {
    fields
        .iter()
        .filter(|(name, _)| names.contains(&&**name))
        .cloned()
        .collect()
}

fn sorted(mut fields: Fields) -> Fields {
    fields.sort();
    fields
}

#[test]
fn there_is_no_third_edit() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let next: Arc<Mutex<Option<Reply>>> = Arc::default();
    let replies = Arc::clone(&next);
    let (tap, gateway) = runtime.block_on(async {
        let tap = Tap::answering(move |received: &Received| {
            let asked = received.get("x-request-id").is_some();
            let reply = asked.then(|| replies.lock().unwrap().take()).flatten();
            reply.unwrap_or_else(|| llmgw_tests::answers::not_found().into())
        });
        let gateway = Gateway::before(&tap).await;
        public(&gateway, &tap).await;
        (tap, gateway)
    });
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&cases(), |case| {
        runtime.block_on(async {
            *next.lock().unwrap() = Some(case.reply());
            let mut client = Connection::open(gateway.api).await;
            let answer = client.ask(&case.request(&gateway.key)).await;
            let received = tap.forwarded().pop();
            let received =
                received.ok_or_else(|| TestCaseError::fail(format!("refused: {}", answer.text())))?;
            case.check(&received, &answer)?;
            let event = gateway.record(&answer.id()).await;
            prop_assert_eq!(
                (event.status, &*event.endpoint),
                (case.status, case.sample.endpoint)
            );
            Ok(())
        })
    });
    outcome.unwrap();
}
