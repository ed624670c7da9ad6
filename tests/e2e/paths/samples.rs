//! For each path a request, an answer, and what that costs.

use llmgw_tests::Tokens;

use crate::metering::tokens;

/// Separates the parts of forms.
pub(super) const BOUNDARY: &str = "----boundary7MA4YWxk";

/// A path that takes a body.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) path: &'static str,
    pub(super) endpoint: &'static str,
    upstream: &'static str,
    format: Format,
    pub(super) model_is_optional: bool,
    /// A body, with `MODEL` for the model; of a form, its other parts.
    body: &'static str,
    /// What a model server says to it.
    pub(super) answer: &'static str,
    pub(super) tokens: Tokens,
    pub(super) units: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Format {
    Json,
    Form,
}

const CHAT: &str = r#"{"model":"MODEL","messages":[{"role":"user","content":"Ahoy?"}]}"#;
const INPUT: &str = r#"{"model":"MODEL","input":["one","two","three"]}"#;
const RERANK: &str = r#"{"model":"MODEL","query":"cat","documents":["a cat",{"text":"a dog"}],"top_n":2}"#;
const SCORE: &str = r#"{"model":"MODEL","text_1":"cat","text_2":["a cat","a dog","a bird"]}"#;
const RANKED: &str =
    r#"{"results":[{"index":0,"relevance_score":-0.6}],"usage":{"prompt_tokens":6,"total_tokens":6}}"#;
const TEXT: &str =
    r#"{"model":"MODEL","content":"hello world","prompt":"hello world","input":"hello world"}"#;
const COUNTED: &str = r#"{"input_tokens":32,"usage":{"prompt_tokens":99}}"#;
const CHATTED: &str = r#"{"choices":[{"message":{"content":"Aye."}}],"usage":{"prompt_tokens":26,"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":25}}}"#;
const RESPONDED: &str = r#"{"object":"response","id":"resp_1","usage":{"input_tokens":32,"output_tokens":5,"input_tokens_details":{"cached_tokens":31}}}"#;
const SAID: &str =
    r#"{"type":"message","usage":{"input_tokens":1,"cache_read_input_tokens":31,"output_tokens":5}}"#;
const DRAWN: &str = r#"{"data":[{"b64_json":"eA=="},{"b64_json":"eA=="}],"usage":{"input_tokens":50,"input_tokens_details":{"image_tokens":40,"text_tokens":10},"output_tokens":90,"total_tokens":140}}"#;
const HEARD: &str = r#"{"text":"Aye.","usage":{"type":"duration","seconds":8.2}}"#;

const NONE: Tokens = tokens(0, 0, 0);

/// In the order of the table.
#[rustfmt::skip]
pub(super) const SAMPLES: &[Sample] = &[
    json("/v1/chat/completions", "chat_completions", CHAT, CHATTED, tokens(26, 25, 6)),
    json("/v1/chat/completions/input_tokens", "count_tokens", CHAT, COUNTED, NONE),
    json("/v1/completions", "completions", r#"{"model":"MODEL","prompt":"Ahoy"}"#, CHATTED, tokens(26, 25, 6)),
    json("/v1/embeddings", "embeddings", INPUT, r#"{"data":[],"usage":{"prompt_tokens":9,"total_tokens":9}}"#, tokens(9, 0, 0)).units(3),
    json("/v1/responses", "responses", INPUT, RESPONDED, tokens(32, 31, 5)).optional(),
    json("/v1/responses/input_tokens", "count_tokens", INPUT, COUNTED, NONE).optional(),
    json("/v1/responses/compact", "responses", INPUT, RESPONDED, tokens(32, 31, 5)),
    json("/v1/messages", "messages", CHAT, SAID, tokens(32, 31, 5)),
    json("/v1/messages/count_tokens", "count_tokens", CHAT, COUNTED, NONE),
    json("/v1/rerank", "rerank", RERANK, RANKED, tokens(6, 0, 0)).units(2),
    json("/v2/rerank", "rerank", RERANK, r#"{"results":[],"usage":{"total_tokens":6}}"#, tokens(6, 0, 0)).units(2),
    json("/rerank", "rerank", RERANK, RANKED, tokens(6, 0, 0)).units(2),
    json("/v1/score", "score", SCORE, RANKED, tokens(6, 0, 0)).units(3),
    json("/score", "score", SCORE, RANKED, tokens(6, 0, 0)).units(3),
    json("/v1/moderations", "moderations", INPUT, r#"{"results":[],"usage":{"prompt_tokens":4,"total_tokens":4}}"#, tokens(4, 0, 0)).optional(),
    json("/v1/tokenize", "tokenize", TEXT, r#"{"tokens":[28120,905]}"#, NONE).optional().at("/tokenize"),
    json("/tokenize", "tokenize", TEXT, r#"{"tokens":[28120,905]}"#, NONE).optional(),
    json("/v1/detokenize", "detokenize", r#"{"model":"MODEL","tokens":[28120,905]}"#, r#"{"content":"hello world"}"#, NONE).optional().at("/detokenize"),
    json("/detokenize", "detokenize", r#"{"model":"MODEL","tokens":[28120,905]}"#, r#"{"content":"hello world"}"#, NONE).optional(),
    json("/v1/extras/tokenize/count", "tokenize", TEXT, r#"{"count":2}"#, NONE).optional().at("/extras/tokenize/count"),
    json("/extras/tokenize/count", "tokenize", TEXT, r#"{"count":2}"#, NONE).optional(),
    json("/v1/images/generations", "image_generations", r#"{"model":"MODEL","prompt":"a cat","n":2}"#, DRAWN, tokens(50, 0, 90)).optional().units(2),
    json("/v1/images/edits", "image_edits", "prompt=a cat;n=2;image=PNG", DRAWN, tokens(50, 0, 90)).form().optional().units(2),
    json("/v1/images/variations", "image_variations", "image=PNG", DRAWN, tokens(50, 0, 90)).form().optional().units(1),
    json("/v1/audio/speech", "audio_speech", r#"{"model":"MODEL","input":"Ahoy","voice":"alloy"}"#, r#"{"usage":{"input_tokens":4,"output_tokens":101}}"#, tokens(4, 0, 101)),
    json("/v1/audio/transcriptions", "audio_transcriptions", "file=RIFF;language=en", HEARD, NONE).form().units(9),
    json("/v1/audio/translations", "audio_translations", "file=RIFF", r#"{"text":"Aye.","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}"#, tokens(14, 0, 45)).form(),
];

const fn json(
    path: &'static str,
    endpoint: &'static str,
    body: &'static str,
    answer: &'static str,
    tokens: Tokens,
) -> Sample {
    let (upstream, format, model_is_optional, units) = (path, Format::Json, false, 0);
    Sample {
        path,
        endpoint,
        upstream,
        format,
        model_is_optional,
        body,
        answer,
        tokens,
        units,
    }
}

impl Sample {
    const fn form(mut self) -> Self {
        self.format = Format::Form;
        self
    }

    const fn optional(mut self) -> Self {
        self.model_is_optional = true;
        self
    }

    const fn units(mut self, units: u64) -> Self {
        self.units = units;
        self
    }

    const fn at(mut self, upstream: &'static str) -> Self {
        self.upstream = upstream;
        self
    }

    /// Whether its body is a form.
    pub(super) fn is_form(&self) -> bool {
        self.format == Format::Form
    }

    /// Where it is at the model server.
    pub(super) fn upstream_path(&self) -> &'static str {
        self.upstream
    }

    pub(super) fn content_type(&self) -> String {
        if self.is_form() {
            form_type()
        } else {
            "application/json".to_owned()
        }
    }

    /// Whether nothing it does is counted in tokens.
    pub(super) fn is_free(&self) -> bool {
        ["count_tokens", "tokenize", "detokenize"].contains(&self.endpoint)
    }

    /// A body that asks for `model`.
    pub(super) fn body(&self, model: &str) -> Vec<u8> {
        if !self.is_form() {
            return self.body.replace("MODEL", model).into_bytes();
        }
        let mut parts: Vec<(&str, &str)> = self
            .body
            .split(';')
            .map(|part| part.split_once('=').unwrap())
            .collect();
        for part in &mut parts {
            part.0 = match part.0 {
                "file" => "file\"; filename=\"a.wav",
                "image" => "image\"; filename=\"a.png",
                other => other,
            };
        }
        parts.insert(1, ("model", model));
        form(&parts)
    }
}

/// What a form is declared as.
pub(super) fn form_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// A form of these parts.
pub(super) fn form(parts: &[(&str, &str)]) -> Vec<u8> {
    let part = |(name, value): &(&str, &str)| {
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts: String = parts.iter().map(part).collect();
    format!("{parts}--{BOUNDARY}--\r\n").into_bytes()
}
