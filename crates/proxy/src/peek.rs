//! Reads the few fields of a JSON body that routing and admission need, without parsing the rest. The body
//! itself stays the bytes that came.

mod fields;

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use self::fields::Fields;
use crate::{BodyRefusal, Counts};

/// RFC 8259 lets a parser limit depth; serde's raw values do not, and model servers behind us may overflow.
pub(crate) const MAX_DEPTH: usize = 128;

/// What a body says about its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peeked {
    /// The model it names, if it names one.
    pub(crate) model: Option<Named>,
    pub(crate) stream: bool,
    /// Where the value of `stream_options` stands, if it is there.
    pub(crate) stream_options_at: Option<Range<usize>>,
    /// Whether the client itself asked for usage in the stream.
    pub(crate) include_usage: bool,
    /// How many answers were asked for, over all prompts of a batch; 1 or more.
    pub(crate) choices: u64,
    /// How many prompts; 1 or more.
    pub(crate) prompts: u64,
    /// How many pictures, of requests for pictures; 1 or more.
    pub(crate) n: u64,
    /// How many texts its `input` lists; 1 where that is no list.
    pub(crate) inputs: u64,
    /// How many documents it has to compare with something.
    pub(crate) documents: u64,
    /// Bytes of its files, of forms.
    pub(crate) files: u64,
    /// The most completion tokens of one answer, where the client named it.
    pub(crate) max_tokens: Option<u64>,
    /// Whether the answer is to be kept, where the client said so.
    pub(crate) store: Option<bool>,
    /// Whether the answer is made when nobody waits for it any more.
    pub(crate) background: bool,
    /// The id of the answer that this one goes on from.
    pub(crate) previous: Option<String>,
    /// Whether it says itself which id it has, as vLLM lets a client do.
    pub(crate) names_itself: bool,
}

/// A model's name in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    /// Where its value stands in the body.
    pub(crate) at: Range<usize>,
    /// Whether it stands there as JSON has it, or as it is.
    pub(crate) json: bool,
}

impl Default for Peeked {
    fn default() -> Self {
        Self {
            model: None,
            stream: false,
            stream_options_at: None,
            include_usage: false,
            choices: 1,
            prompts: 1,
            n: 1,
            inputs: 1,
            documents: 0,
            files: 0,
            max_tokens: None,
            store: None,
            background: false,
            previous: None,
            names_itself: false,
        }
    }
}

/// Reads a JSON body.
pub(crate) fn peek(body: &[u8], counts: Counts) -> Result<Peeked, BodyRefusal> {
    check_depth(body)?;
    // serde would also take an array for a struct.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(BodyRefusal::Json("it must be an object".to_owned()));
    }
    let fields: Fields<'_> = serde_json::from_slice(body).map_err(|error| refusal(&error))?;
    if let Some(field) = fields.in_other_letters {
        let reason = "it stands in the body in other letters, which some model servers take for the same";
        return Err(BodyRefusal::Field { field, reason });
    }
    let options = fields.stream_options.filter(|options| options.get() != "null");
    let (choices, prompts) = (choices(&fields), listed(fields.prompt));
    Ok(Peeked {
        model: fields
            .model
            .map(|model| named(body, model))
            .transpose()?
            .flatten(),
        stream: flag("stream", fields.stream)?,
        stream_options_at: fields.stream_options.map(|options| span(body, options)),
        include_usage: options.is_some_and(asks_for_usage),
        choices: choices.saturating_mul(prompts),
        prompts,
        n: match counts {
            Counts::Images => whole("n", fields.n)?,
            _ => 1,
        },
        inputs: match counts {
            Counts::Inputs => listed(fields.input),
            _ => 1,
        },
        documents: match counts {
            Counts::Documents => listed(fields.documents).max(listed(fields.text_2)),
            _ => 0,
        },
        files: 0,
        max_tokens: [
            number(fields.max_completion_tokens),
            number(fields.max_output_tokens),
            number(fields.max_tokens),
        ]
        .into_iter()
        .flatten()
        .max(),
        store: said(fields.store),
        background: said(fields.background) == Some(true),
        previous: fields.previous_response_id.and_then(id),
        names_itself: fields.request_id.is_some_and(|id| id.get() != "null"),
    })
}

// A `null` names no model.
fn named(body: &[u8], model: &RawValue) -> Result<Option<Named>, BodyRefusal> {
    let name: Option<Cow<'_, str>> = serde_json::from_str(model.get()).map_err(|_| BodyRefusal::Field {
        field: "model",
        reason: "must be a string",
    })?;
    Ok(name.map(|name| Named {
        name: name.into_owned(),
        at: span(body, model),
        json: true,
    }))
}

// A raw value borrows from the body, so its place follows from the addresses.
fn span(body: &[u8], value: &RawValue) -> Range<usize> {
    let start = value.get().as_ptr().addr() - body.as_ptr().addr();
    start..start + value.get().len()
}

fn asks_for_usage(options: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Options {
        include_usage: Option<bool>,
    }
    serde_json::from_str::<Options>(options.get()).is_ok_and(|options| options.include_usage == Some(true))
}

// Fields that only some endpoints know. Elsewhere they are nobody's business, and may be anything.
fn said(value: Option<&RawValue>) -> Option<bool> {
    match value?.get() {
        "null" => None,
        text => Some(text != "false"),
    }
}

// What is no text is the id of no answer.
fn id(value: &RawValue) -> Option<String> {
    match value.get() {
        "null" => None,
        text => Some(serde_json::from_str(text).unwrap_or_else(|_| text.chars().take(64).collect())),
    }
}

fn flag(field: &'static str, value: Option<&RawValue>) -> Result<bool, BodyRefusal> {
    match value.map(RawValue::get) {
        None | Some("null" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(BodyRefusal::Field {
            field,
            reason: "must be true or false",
        }),
    }
}

fn choices(fields: &Fields<'_>) -> u64 {
    [number(fields.n), number(fields.best_of)]
        .into_iter()
        .flatten()
        .max()
        .unwrap_or(1)
        .max(1)
}

// A batch is a list of texts, of lists of tokens or of objects; a list of tokens is one prompt.
fn listed(value: Option<&RawValue>) -> u64 {
    let Some(list) = value.and_then(|value| value.get().strip_prefix('[')) else {
        return 1;
    };
    if !list.trim_ascii_start().starts_with(['"', '[', '{']) {
        return 1;
    }
    value
        .and_then(|value| serde_json::from_str::<Vec<IgnoredAny>>(value.get()).ok())
        .map_or(1, |all| all.len() as u64)
}

// What is charged by its number has to be one that everybody reads in the same way.
fn whole(field: &'static str, value: Option<&RawValue>) -> Result<u64, BodyRefusal> {
    match value.map(RawValue::get) {
        None | Some("null") => Ok(1),
        Some(text) => whole_number(field, text.trim_matches('"')),
    }
}

/// The whole number of 1 or more that `text` is; 10 and 10.0 are the same.
///
/// # Errors
/// [`BodyRefusal::Field`] where it is none.
pub(crate) fn whole_number(field: &'static str, text: &str) -> Result<u64, BodyRefusal> {
    let number = text.parse::<f64>().ok();
    let whole = number.filter(|number| number.fract() == 0.0 && (0.0..1e9).contains(number));
    whole
        .map(|number| (number as u64).max(1))
        .ok_or(BodyRefusal::Field {
            field,
            reason: "must be a whole number",
        })
}

// Some servers read -1 as "no maximum", some read texts; what we cannot read as a count is theirs to judge.
fn number(value: Option<&RawValue>) -> Option<u64> {
    let number: f64 = serde_json::from_str(value?.get()).ok()?;
    (number.is_finite() && number >= 0.0).then_some(number as u64)
}

fn refusal(error: &serde_json::Error) -> BodyRefusal {
    let text = error.to_string();
    match text
        .strip_prefix("duplicate field `")
        .and_then(|rest| rest.split_once('`'))
    {
        Some((field, _)) => BodyRefusal::Twice(field.to_owned()),
        None => BodyRefusal::Json(text),
    }
}

/// Whether `body` is nested no deeper than it may be.
pub(crate) fn check_depth(body: &[u8]) -> Result<(), BodyRefusal> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(BodyRefusal::Depth(MAX_DEPTH));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at = string_end(body, at + 1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

// The place of the quote that ends the string whose text begins at `at`, or the end of the body.
fn string_end(body: &[u8], mut at: usize) -> usize {
    while let Some(found) = body.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if body[at] == b'"' {
            return at;
        }
        at += 2;
    }
    body.len()
}

#[cfg(test)]
mod tests;
