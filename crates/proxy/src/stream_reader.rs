//! Reads a stream's events on the side: usage, how much was said, and whether it came to its end.

use std::borrow::Cow;
use std::sync::LazyLock;

use llmgw_types::TokenUsage;
use memchr::memmem::Finder;
use serde::Deserialize;

use crate::endpoint::Dialect;
use crate::reported::{Carrier, Reported};
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
    reported: Reported,
    said: u64,
    ended: bool,
    failed: bool,
}

impl StreamReader {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            reported: Reported::default(),
            said: 0,
            ended: false,
            failed: false,
        }
    }

    /// Tokens as reported so far.
    pub(crate) fn tokens(&self) -> Option<TokenUsage> {
        self.reported.tokens()
    }

    /// Events that carried a piece of the answer: model servers send one for each token or two.
    pub(crate) fn said(&self) -> u64 {
        self.said
    }

    /// Whether the event came that ends a whole answer.
    pub(crate) fn ended(&self) -> bool {
        self.ended
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
            self.ended |= self.dialect == Dialect::OpenAi;
            return Seen::Event;
        }
        self.note_name(event, &data);
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

    fn note_name(&mut self, event: &[u8], data: &[u8]) {
        let last: &[&[u8]] = match self.dialect {
            Dialect::OpenAi => return,
            Dialect::Anthropic => &[b"message_stop"],
            Dialect::Responses => &[b"response.completed", b"response.incomplete", b"response.failed"],
        };
        if let Some(name) = event_name(event, data) {
            self.ended |= last.contains(&name.as_ref());
            self.failed |= name.as_ref() == b"error";
        }
    }

    fn says_something(&self, data: &[u8]) -> bool {
        match self.dialect {
            Dialect::OpenAi => SAID.iter().any(|field| has_text(field, data)),
            Dialect::Anthropic => memchr::memmem::find(data, b"content_block_delta").is_some(),
            Dialect::Responses => memchr::memmem::find(data, b".delta\"").is_some(),
        }
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
        let mut reader = StreamReader::new(dialect);
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
        for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Responses] {
            assert!(!read(dialect, &[said]).ended());
        }
    }

    #[test]
    fn usage_inside_a_text_is_no_usage() {
        let mut reader = StreamReader::new(Dialect::OpenAi);
        let event = br#"data: {"choices":[],"x":"\"usage\":{\"prompt_tokens\":5}"}"#;
        assert_eq!(reader.read(event), Seen::Event);
        assert!(reader.tokens().is_none());
    }
}
