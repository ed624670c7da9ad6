//! How much a request is thought to take, before it runs.

use llmgw_types::{Money, Price, TokenUsage};
use llmgw_usage::admission::Charge;
use memchr::memmem;

use crate::peek::Peeked;
use crate::{Counts, Route};

/// Bytes of a body taken for one token (DESIGN: bytes / 4 unless a tokenizer says better).
pub(crate) const BYTES_PER_TOKEN: u64 = 4;

/// Tokens an image or file is taken for, in a data URL or a form, whatever its size: model servers scale images down
/// to about this.
pub(crate) const FILE_TOKENS: u64 = 1_000;

/// Bytes of a second of sound: 128 kbit/s, as music is often compressed. Speech takes less, and uncompressed sound more.
const BYTES_PER_SECOND: u64 = 16_000;

/// How far before its content the `data:` of a data URL may stand: a media type and its parameters fit.
const LONGEST_MEDIA_TYPE: usize = 128;

const CONTENT_FOLLOWS: &[u8] = b";base64,";

/// Prompt tokens of `body`, 1 or more.
pub(crate) fn prompt_tokens(body: &[u8]) -> u64 {
    let (text, files) = text_and_files(body);
    (text as u64 / BYTES_PER_TOKEN + files * FILE_TOKENS).max(1)
}

/// Tokens of the files in `body`, which no tokenizer counts.
pub(crate) fn file_tokens(body: &[u8]) -> u64 {
    text_and_files(body).1 * FILE_TOKENS
}

// Bytes outside of data URLs, and how many of these there are.
fn text_and_files(body: &[u8]) -> (usize, u64) {
    let (mut text, mut files, mut at) = (body.len(), 0, 0);
    while let Some(found) = memmem::find(&body[at..], CONTENT_FOLLOWS) {
        let mark = at + found;
        let content = mark + CONTENT_FOLLOWS.len();
        at = content;
        let media_type = &body[mark.saturating_sub(LONGEST_MEDIA_TYPE)..mark];
        if memmem::rfind(media_type, b"data:").is_some() {
            // From the end of the content on, so that every byte is looked at once.
            at += body[content..]
                .iter()
                .take_while(|byte| is_base64(**byte))
                .count();
            text -= at - content;
            files += 1;
        }
    }
    (text, files)
}

// Also base64url, and the backslash by which some encoders escape a slash.
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=-_\\".contains(&byte)
}

/// Completion tokens of an answer of `bytes` bytes that nobody counted.
pub(crate) fn completion_tokens(bytes: u64) -> u64 {
    bytes / BYTES_PER_TOKEN
}

/// Completion tokens that a request may take.
pub(crate) fn answer_tokens(route: &Route, peeked: &Peeked, default_answer: u64) -> u64 {
    if route.generates() {
        let answer = peeked.max_tokens.unwrap_or(default_answer);
        answer.saturating_mul(peeked.choices)
    } else {
        0
    }
}

/// What a request may take that is not counted in tokens.
pub(crate) fn units(route: &Route, peeked: &Peeked) -> u64 {
    match route.counts {
        Counts::Nothing => 0,
        Counts::Inputs => peeked.inputs,
        Counts::Documents => peeked.documents,
        Counts::Images => peeked.n,
        Counts::Seconds => peeked.files.div_ceil(BYTES_PER_SECOND),
    }
}

/// The whole charge to reserve for these tokens and units.
pub(crate) fn charge(prompt: u64, completion: u64, units: u64, price: &Price) -> Charge {
    let usage = TokenUsage {
        prompt,
        completion,
        ..TokenUsage::default()
    };
    Charge {
        requests: 1,
        tokens: usage.total(),
        cost: price.cost_with(&usage, units).max(Money::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counts;
    use crate::ROUTES;

    #[test]
    fn data_urls_have_a_fixed_cost() {
        let image = format!(
            r#"{{"model":"m","url":"data:image/png;base64,{}"}}"#,
            "A".repeat(4_000_000)
        );
        assert!((1_000..1_020).contains(&prompt_tokens(image.as_bytes())));
        assert_eq!(prompt_tokens(&[b'x'; 400]), 100);
        let two = r#"{"a":"data:image\/png;base64,AAAA\/BBB","b":"data:audio/wav;base64,CCCC"}"#;
        assert!((2_000..2_020).contains(&prompt_tokens(two.as_bytes())));
        assert_eq!(prompt_tokens(b"{}"), 1);
    }

    #[test]
    fn text_that_only_looks_like_a_file_is_text() {
        let many = ";base64,".repeat(100_000);
        assert_eq!(prompt_tokens(many.as_bytes()), 200_000);
        let hidden = format!("data:;base64,{}", "a prompt in words ".repeat(1_000));
        assert!(prompt_tokens(hidden.as_bytes()) > 4_500);
    }

    #[test]
    fn the_answer_counts_once_per_choice() {
        let route = |path: &str| ROUTES.iter().find(|route| route.path == path).unwrap();
        let of = |body: &str| {
            let peeked = crate::peek::peek(body.as_bytes(), Counts::Nothing).unwrap();
            answer_tokens(route("/v1/completions"), &peeked, 1_024)
        };
        assert_eq!(of(r#"{"model":"m"}"#), 1_024);
        assert_eq!(of(r#"{"model":"m","max_tokens":5,"n":3}"#), 15);
        assert_eq!(of(r#"{"model":"m","max_completion_tokens":7,"best_of":2}"#), 14);
        assert_eq!(
            of(r#"{"model":"m","max_tokens":5,"n":2,"prompt":["a","b","c"]}"#),
            30
        );
        assert_eq!(of(r#"{"model":"m","max_tokens":5,"prompt":[[1,2],[3]]}"#), 10);
        assert_eq!(of(r#"{"model":"m","max_tokens":5,"prompt":[1,2,3]}"#), 5);
        let peeked = crate::peek::peek(br#"{"model":"m"}"#, Counts::Nothing).unwrap();
        for path in [
            "/v1/embeddings",
            "/v1/rerank",
            "/tokenize",
            "/v1/images/generations",
        ] {
            assert_eq!(answer_tokens(route(path), &peeked, 1_024), 0, "{path}");
        }
        let price = Price {
            unit: Money::from_nanos(2_000_000),
            ..Price::default()
        };
        let charged = charge(10, 5, 3, &price);
        assert_eq!(
            (charged.requests, charged.tokens, charged.cost),
            (1, 15, Money::from_nanos(6))
        );
    }
}
