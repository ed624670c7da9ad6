//! The one edit of a request: the values of `model` and `stream_options`. Every other byte stays.

use bytes::Bytes;

use crate::RequestBody;
use crate::peek::{Named, Peeked};

/// What a target needs changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edit<'a> {
    /// The name the target knows the model by.
    pub(crate) model: &'a str,
    /// Whether to ask for usage in the stream on our own behalf.
    pub(crate) ask_for_usage: bool,
}

/// A longer body is sent in pieces around what changed instead of being put together anew.
const LONGEST_COPIED: usize = 64 * 1024;

/// The body as `edit` wants it; the same bytes, not copied, when nothing changes or much would have to be copied.
pub(crate) fn apply(body: &Bytes, peeked: &Peeked, edit: Edit<'_>) -> RequestBody {
    let mut changes = Vec::with_capacity(2);
    if let Some(named) = peeked.model.as_ref().filter(|named| named.name != edit.model) {
        let text = if named.json {
            json_string(edit.model)
        } else {
            edit.model.to_owned()
        };
        changes.push((named.at.clone(), text));
    }
    if edit.ask_for_usage {
        match (&peeked.stream_options_at, &peeked.model) {
            (Some(at), _) => changes.push((at.clone(), with_usage(&body[at.clone()]))),
            // Directly behind the value of `model`.
            (None, Some(Named { at, .. })) => {
                let asked = r#","stream_options":{"include_usage":true}"#.to_owned();
                changes.push((at.end..at.end, asked));
            }
            (None, None) => {}
        }
    }
    if changes.is_empty() {
        return body.clone().into();
    }
    changes.sort_by_key(|(at, _)| (at.start, at.end));
    let mut pieces = Vec::with_capacity(2 * changes.len() + 1);
    let mut done = 0;
    for (at, text) in changes {
        pieces.push(body.slice(done..at.start));
        pieces.push(Bytes::from(text));
        done = at.end;
    }
    pieces.push(body.slice(done..));
    if body.len() <= LONGEST_COPIED {
        Bytes::from(pieces.concat()).into()
    } else {
        RequestBody::from(pieces)
    }
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
    use crate::Counts;

    fn edited(body: &'static str, model: &str, ask_for_usage: bool) -> String {
        let bytes = Bytes::from_static(body.as_bytes());
        let peeked = crate::peek::peek(&bytes, Counts::Nothing).unwrap();
        whole(apply(&bytes, &peeked, Edit { model, ask_for_usage }))
    }

    fn whole(mut body: RequestBody) -> String {
        let (mut text, length) = (Vec::new(), body.len());
        while let Some(piece) = body.next_piece(1_000) {
            assert!((1..=1_000).contains(&piece.len()));
            text.extend_from_slice(&piece);
        }
        assert_eq!(text.len() as u64, length);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn nothing_to_change_keeps_the_very_bytes() {
        let body = Bytes::from_static(br#"{ "model": "m", "x": 1.0e+3 }"#);
        let peeked = crate::peek::peek(&body, Counts::Nothing).unwrap();
        let mut same = apply(
            &body,
            &peeked,
            Edit {
                model: "m",
                ask_for_usage: false,
            },
        );
        let same = same.next_piece(usize::MAX).unwrap();
        assert_eq!((same.as_ptr(), same.len()), (body.as_ptr(), body.len()));
    }

    #[test]
    fn a_long_body_is_not_copied() {
        let text = format!(r#"{{"model":"m","x":"{}"}}"#, "y".repeat(LONGEST_COPIED));
        let body = Bytes::from(text.clone());
        let edit = Edit {
            model: "n",
            ask_for_usage: true,
        };
        let edited = apply(&body, &crate::peek::peek(&body, Counts::Nothing).unwrap(), edit);
        let mut pieces = edited.clone();
        let last = std::iter::from_fn(|| pieces.next_piece(usize::MAX))
            .last()
            .unwrap();
        assert_eq!(last.as_ptr(), body[12..].as_ptr());
        let asked = r#""n","stream_options":{"include_usage":true}"#;
        assert_eq!(whole(edited), text.replacen(r#""m""#, asked, 1));
    }

    #[test]
    fn a_model_in_a_form_is_written_as_it_is() {
        let part = |model: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--b--\r\n")
        };
        let body = Bytes::from(part("a"));
        let (peeked, _) = crate::form::peek(&body, "b").unwrap();
        let edit = Edit {
            model: "o\"wn",
            ask_for_usage: false,
        };
        assert_eq!(whole(apply(&body, &peeked, edit)), part("o\"wn"));
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
