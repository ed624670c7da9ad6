//! The one edit of a request: the values of `model` and `stream_options`. Every other byte stays.

use bytes::{Bytes, BytesMut};

use crate::peek::Peeked;

/// What a target needs changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edit<'a> {
    /// The name the target knows the model by.
    pub(crate) model: &'a str,
    /// Whether to ask for usage in the stream on our own behalf.
    pub(crate) ask_for_usage: bool,
}

/// The body as `edit` wants it; the same bytes, not copied, when nothing changes.
pub(crate) fn apply(body: &Bytes, peeked: &Peeked, edit: Edit<'_>) -> Bytes {
    let mut changes = Vec::with_capacity(2);
    if edit.model != peeked.model {
        changes.push((peeked.model_at.clone(), json_string(edit.model)));
    }
    if edit.ask_for_usage {
        match &peeked.stream_options_at {
            Some(at) => changes.push((at.clone(), with_usage(&body[at.clone()]))),
            // Directly behind the value of `model`, which is always there.
            None => {
                let at = peeked.model_at.end;
                changes.push((at..at, r#","stream_options":{"include_usage":true}"#.to_owned()));
            }
        }
    }
    if changes.is_empty() {
        return body.clone();
    }
    changes.sort_by_key(|(at, _)| (at.start, at.end));
    let grown: usize = changes.iter().map(|(_, text)| text.len()).sum();
    let mut edited = BytesMut::with_capacity(body.len() + grown);
    let mut done = 0;
    for (at, text) in changes {
        edited.extend_from_slice(&body[done..at.start]);
        edited.extend_from_slice(text.as_bytes());
        done = at.end;
    }
    edited.extend_from_slice(&body[done..]);
    edited.freeze()
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

// The client's own options with `include_usage` switched on; what is no object becomes one, since the model
// server would refuse it anyway only when it reads it.
fn with_usage(options: &[u8]) -> String {
    let mut options: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(options).unwrap_or_default();
    options.insert("include_usage".to_owned(), true.into());
    serde_json::Value::Object(options).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peek::peek;

    fn edited(body: &'static str, model: &str, ask_for_usage: bool) -> String {
        let bytes = Bytes::from_static(body.as_bytes());
        let peeked = peek(&bytes).unwrap();
        String::from_utf8(apply(&bytes, &peeked, Edit { model, ask_for_usage }).to_vec()).unwrap()
    }

    #[test]
    fn nothing_to_change_keeps_the_very_bytes() {
        let body = Bytes::from_static(br#"{ "model": "m", "x": 1.0e+3 }"#);
        let peeked = peek(&body).unwrap();
        let same = apply(
            &body,
            &peeked,
            Edit {
                model: "m",
                ask_for_usage: false,
            },
        );
        assert_eq!(same.as_ptr(), body.as_ptr());
    }

    #[test]
    fn only_the_two_values_change() {
        assert_eq!(
            edited(r#"{"x":1.0e+3,  "model":"alias","stream":true}"#, "o\"wn", true),
            r#"{"x":1.0e+3,  "model":"o\"wn","stream_options":{"include_usage":true},"stream":true}"#
        );
        assert_eq!(
            edited(
                r#"{"stream_options":{"include_usage":false,"a":1},"model":"m"}"#,
                "m",
                true
            ),
            r#"{"stream_options":{"a":1,"include_usage":true},"model":"m"}"#
        );
        assert_eq!(
            edited(r#"{"model":"m","stream_options":null}"#, "n", true),
            r#"{"model":"n","stream_options":{"include_usage":true}}"#
        );
    }
}
