//! Reads a stream's events on the side: usage, how much was said, and whether it came to its end.

mod long_event;

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;

use self::long_event::LongEvent;
use crate::endpoint::Dialect;
use crate::reported::{Carrier, Reported, Told};
use crate::sse;

static TIMINGS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"timings\""));
static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));

/// Fields whose text is part of the answer, in the chunks of chat and completions.
static SAID: LazyLock<[Finder<'static>; 5]> = LazyLock::new(|| {
    [
        Finder::new(b"\"content\""),
        Finder::new(b"\"text\""),
        Finder::new(b"\"arguments\""),
        Finder::new(b"\"reasoning_content\""),
        Finder::new(b"\"reasoning\""),
    ]
});

/// What reading one event showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Something that belongs to the client.
    Event,
    /// The event that exists only because usage was asked for.
    UsageEvent,
}

/// Reads events of one dialect.
#[derive(Debug)]
pub(crate) struct StreamReader {
    dialect: Dialect,
    // How many answers will come, each with an end of its own, where the dialect has such.
    answers: u64,
    ends: u64,
    id: Option<String>,
    long: Option<LongEvent>,
    reported: Reported,
    said: u64,
    ended: bool,
    failed: bool,
}

impl StreamReader {
    /// For a stream of so many `answers`.
    pub(crate) fn new(dialect: Dialect, answers: u64) -> Self {
        Self {
            dialect,
            answers,
            ends: 0,
            id: None,
            long: None,
            reported: Reported::default(),
            said: 0,
            ended: false,
            failed: false,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The id of the answer, when it was seen.
    pub(crate) fn answer_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What was reported so far.
    pub(crate) fn told(&self) -> Told {
        self.reported.told()
    }

    /// Events that carried a piece of the answer: model servers send one for each token or two.
    pub(crate) fn said(&self) -> u64 {
        self.said
    }

    /// Whether the event came that ends a whole answer.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether it is whole if nothing more comes: some servers send fewer answers than they were asked for.
    pub(crate) fn may_end(&self) -> bool {
        self.ends > 0
    }

    /// Whether the model server itself said that it failed, in an event of its own.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }

    /// Whether an event that lacks its empty line is there to the last byte of its data.
    pub(crate) fn is_all_there(&self, event: &[u8]) -> bool {
        sse::data(event).is_some_and(|data| {
            *data == *b"[DONE]" || serde_json::from_slice::<serde::de::IgnoredAny>(&data).is_ok()
        })
    }

    /// Reads one event.
    pub(crate) fn read(&mut self, event: &[u8]) -> Seen {
        let Some(data) = sse::data(event) else {
            return Seen::Event;
        };
        if *data == *b"[DONE]" {
            self.ended |= matches!(self.dialect, Dialect::OpenAi | Dialect::Media);
            return Seen::Event;
        }
        if self.dialect != Dialect::OpenAi
            && let Some(name) = event_name(event, &data)
        {
            self.note_name(&name);
        }
        if self.id.is_none() {
            self.id = answer_id(&data);
        }
        self.said += u64::from(self.says_something(&data));
        if (has_usage(&data) || TIMINGS.find(&data).is_some())
            && let Ok(carrier) = serde_json::from_slice::<Carrier<'_>>(&data)
        {
            if let Some(usage) = carrier.usage() {
                self.reported.take(usage);
            }
            if let Some(timings) = carrier.timings() {
                self.reported.take_timings(timings);
            }
            if carrier.is_usage_event() {
                return Seen::UsageEvent;
            }
        }
        Seen::Event
    }

    /// Reads a part of an event that is too long to keep.
    pub(crate) fn read_part(&mut self, part: &[u8], last: bool) {
        let usage_at = if self.dialect == Dialect::Responses { 2 } else { 1 };
        let long = self.long.get_or_insert_with(|| LongEvent::new(part, usage_at));
        long.read(part);
        if last && let Some(long) = self.long.take() {
            if let Some(usage) = long.usage() {
                self.reported.take(usage);
            }
            if let Some(name) = long.into_name().filter(|_| self.dialect != Dialect::OpenAi) {
                self.note_name(&name);
            }
        }
    }

    fn note_name(&mut self, name: &[u8]) {
        let last: &[&[u8]] = match self.dialect {
            Dialect::OpenAi => &[],
            Dialect::Anthropic => &[b"message_stop"],
            Dialect::Responses => &[b"response.completed", b"response.incomplete", b"response.failed"],
            Dialect::Media => &[
                b"transcript.text.done",
                b"speech.audio.done",
                b"image_generation.completed",
                b"image_edit.completed",
            ],
        };
        self.ends += u64::from(last.contains(&name));
        let answers = if self.dialect == Dialect::Media {
            self.answers
        } else {
            1
        };
        self.ended |= self.ends >= answers;
        self.failed |= name == b"error";
    }

    fn says_something(&self, data: &[u8]) -> bool {
        match self.dialect {
            Dialect::OpenAi => SAID.iter().any(|field| has_text(field, data)),
            Dialect::Media => {
                SAID[0..1].iter().any(|field| has_text(field, data))
                    || memchr::memmem::find(data, b"transcript.text.delta").is_some()
            }
            Dialect::Anthropic => memchr::memmem::find(data, b"content_block_delta").is_some(),
            Dialect::Responses => memchr::memmem::find(data, b".delta\"").is_some(),
        }
    }
}

// Of a response, of its first events; of a chat, of each.
fn answer_id(data: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        id: Option<Cow<'a, str>>,
        response: Option<Inner>,
    }
    #[derive(Deserialize)]
    struct Inner {
        id: Option<String>,
    }
    let event: Event<'_> = serde_json::from_slice(data).ok()?;
    match event.response {
        Some(inner) => inner.id,
        None => event.id.map(Cow::into_owned),
    }
}

// The `event:` line, else the `type` that these dialects repeat in their data.
fn event_name<'a>(event: &'a [u8], data: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "type")]
        name: Cow<'a, str>,
    }
    let mut lines = event.split(|byte| matches!(byte, b'\n' | b'\r'));
    if let Some(name) = lines.find_map(|line| line.strip_prefix(b"event:")) {
        return Some(Cow::Borrowed(name.trim_ascii()));
    }
    let typed: Typed<'a> = serde_json::from_slice(data).ok()?;
    Some(Cow::Owned(typed.name.into_owned().into_bytes()))
}

fn value_of<'a>(field: &Finder<'_>, data: &'a [u8]) -> Option<&'a [u8]> {
    let after = data.get(field.find(data)? + field.needle().len()..)?;
    Some(after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start())
}

fn has_text(field: &Finder<'_>, data: &[u8]) -> bool {
    value_of(field, data).is_some_and(|value| value.first() == Some(&b'"') && value.get(1) != Some(&b'"'))
}

// Many servers put `"usage":null` into every event: not worth parsing. A match inside a string is parsed in
// vain and does no harm.
fn has_usage(data: &[u8]) -> bool {
    USAGE.find_iter(data).any(|at| {
        let after = data[at + USAGE.needle().len()..].trim_ascii_start();
        after
            .strip_prefix(b":")
            .is_some_and(|value| !value.trim_ascii_start().starts_with(b"null"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: Dialect, events: &[&str]) -> StreamReader {
        let mut reader = StreamReader::new(dialect, 1);
        for event in events {
            reader.read(event.as_bytes());
        }
        reader
    }

    #[test]
    fn counts_what_was_said() {
        let reader = read(
            Dialect::OpenAi,
            &[
                "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n",
                "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n",
                "data: {\"choices\": [{\"delta\": {\"content\": \"Hi\"}}]}\n\n",
                "data: {\"choices\":[{\"text\":\"\\\"\"}]}\n\n",
                "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
            ],
        );
        assert_eq!(reader.said(), 2);
        assert!(!reader.ended());
    }

    #[test]
    fn knows_the_last_event_of_each_dialect() {
        assert!(read(Dialect::OpenAi, &["data: [DONE]\r\n\r\n"]).ended());
        assert!(
            read(
                Dialect::Anthropic,
                &["event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"]
            )
            .ended()
        );
        assert!(read(Dialect::Responses, &["event: response.completed\ndata: {}\n\n"]).ended());
        assert!(read(Dialect::Responses, &["data: {\"type\":\"response.failed\"}\n\n"]).ended());
        let said = "data: {\"choices\":[{\"text\":\"[DONE] message_stop response.completed\"}]}\n\n";
        for dialect in [
            Dialect::OpenAi,
            Dialect::Anthropic,
            Dialect::Responses,
            Dialect::Media,
        ] {
            assert!(!read(dialect, &[said]).ended());
        }
    }

    #[test]
    fn every_picture_has_an_end_of_its_own() {
        let end = "event: image_generation.completed\ndata: {\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}\n\n";
        let mut reader = StreamReader::new(Dialect::Media, 2);
        reader.read(end.as_bytes());
        assert_eq!((reader.ended(), reader.may_end()), (false, true));
        reader.read(end.as_bytes());
        assert!(reader.ended());
        assert!(read(Dialect::Media, &["data: [DONE]\n\n"]).ended());
    }

    #[test]
    fn an_event_too_long_to_keep_is_read_in_parts() {
        let long = "x".repeat(3_000);
        for (dialect, event) in [
            (
                Dialect::Media,
                format!(
                    "event: image_generation.completed\ndata: {{\"b64_json\":\"{long}\",\"usage\":{{\"input_tokens\":3,\"output_tokens\":4}}}}\n\n"
                ),
            ),
            (
                Dialect::Responses,
                format!(
                    "data: {{\"type\":\"response.completed\",\"response\":{{\"text\":\"{long}\",\"usage\":{{\"input_tokens\":3,\"output_tokens\":4}}}}}}\n\n"
                ),
            ),
        ] {
            let mut reader = StreamReader::new(dialect, 1);
            let parts: Vec<&[u8]> = event.as_bytes().chunks(1_000).collect();
            for (at, part) in parts.iter().enumerate() {
                assert!(!reader.ended());
                reader.read_part(part, at + 1 == parts.len());
            }
            assert!(reader.ended(), "{dialect:?}");
            let tokens = reader.told().tokens.unwrap();
            assert_eq!((tokens.prompt, tokens.completion), (3, 4), "{dialect:?}");
        }
    }

    #[test]
    fn the_id_of_an_answer_is_found() {
        let chat = read(
            Dialect::OpenAi,
            &["data: {\"id\":\"chatcmpl-1\",\"choices\":[]}\n\n"],
        );
        assert_eq!(chat.answer_id(), Some("chatcmpl-1"));
        let response = "event: response.created\ndata: {\"response\":{\"id\":\"resp_1\"},\"type\":\"response.created\"}\n\n";
        assert_eq!(read(Dialect::Responses, &[response]).answer_id(), Some("resp_1"));
    }

    #[test]
    fn usage_inside_a_text_is_no_usage() {
        let mut reader = StreamReader::new(Dialect::OpenAi, 1);
        let event = br#"data: {"choices":[],"x":"\"usage\":{\"prompt_tokens\":5}"}"#;
        assert_eq!(reader.read(event), Seen::Event);
        assert!(reader.told().tokens.is_none());
    }
}
