//! Reads `usage` from a JSON answer that passes by in pieces, in constant memory however long the answer is.
//! It finds where the value of the top-level field begins and ends, and lets serde read that value; it also
//! measures the text of the answer, for servers that report nothing.

use std::ops::Range;

use crate::reported::RawUsage;

/// A usage object longer than this is none.
const LONGEST_VALUE: usize = 16 * 1024;
const USAGE: &[u8] = b"usage";

/// Fields whose text is part of an answer, in all dialects.
const SAID: [&[u8]; 5] = [
    b"content",
    b"text",
    b"arguments",
    b"reasoning_content",
    b"reasoning",
];

/// One byte more than the longest name we look for, so that longer names differ.
const LONGEST_NAME: usize = 18;

/// A longer id is none.
const LONGEST_ID: usize = 256;

/// Strings are mostly names and short values: so many bytes are looked at one by one before a search is begun.
const SHORT: usize = 24;

/// Watches a JSON document pass by.
#[derive(Debug)]
pub(crate) struct UsageScanner {
    // How many objects the fields that matter stand in.
    fields_at: u32,
    begun: bool,
    // Whether it begins like an object or array; anything else is not looked at.
    is_json: bool,
    depth: u32,
    in_string: bool,
    escaped: bool,
    // The beginning of the last string, as far as it stood in earlier pieces: a colon makes it a name.
    string: Vec<u8>,
    // The present value belongs to a field whose text is part of the answer.
    speaks: bool,
    // In how many objects and lists such a field stands; none: it does not matter.
    speaks_at: Option<u32>,
    said: u64,
    // The present value is that of `id`.
    in_id: bool,
    id: Option<String>,
    in_usage: bool,
    // The value of `usage`, as far as it stood in earlier pieces.
    value: Vec<u8>,
    found: Option<RawUsage>,
}

/// Where in the present piece the last string and the value of `usage` stand.
struct Places<'a> {
    piece: &'a [u8],
    string: Range<usize>,
    value: usize,
}

impl Default for UsageScanner {
    fn default() -> Self {
        Self::at_depth(1)
    }
}

impl UsageScanner {
    /// For `usage` and `id` in so many objects; 1 is the outermost.
    pub(crate) fn at_depth(fields_at: u32) -> Self {
        Self {
            fields_at,
            begun: false,
            is_json: false,
            depth: 0,
            in_string: false,
            escaped: false,
            string: Vec::new(),
            speaks: false,
            speaks_at: None,
            said: 0,
            in_id: false,
            id: None,
            in_usage: false,
            value: Vec::new(),
            found: None,
        }
    }

    /// Only fields of the outermost object are the answer's text: those within say the same again.
    pub(crate) fn speaking_outermost(self) -> Self {
        Self {
            speaks_at: Some(1),
            ..self
        }
    }

    /// The first `id` that was seen whole.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The last usage that was seen whole.
    pub(crate) fn found(&self) -> Option<RawUsage> {
        self.found
    }

    /// Bytes of the answer's text that were seen.
    pub(crate) fn said(&self) -> u64 {
        self.said
    }

    /// Whether an object or array has begun and not ended.
    pub(crate) fn inside(&self) -> bool {
        self.is_json && self.depth > 0
    }

    /// Looks at the next piece.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        if !self.begun {
            let Some(first) = piece.iter().position(|byte| !byte.is_ascii_whitespace()) else {
                return;
            };
            self.begun = true;
            self.is_json = matches!(piece[first], b'{' | b'[');
        }
        if self.is_json {
            self.look_at(piece);
        }
    }

    fn look_at(&mut self, piece: &[u8]) {
        let mut places = Places {
            piece,
            string: 0..0,
            value: 0,
        };
        let mut at = 0;
        while at < piece.len() {
            if self.in_string {
                let end = self.string_end(piece, at);
                self.said += if self.speaks { (end - at) as u64 } else { 0 };
                places.string.end = end;
                if self.in_id && !self.in_string {
                    self.id_over(&places);
                }
                // The quote that ends it is no part of it.
                at = end + usize::from(!self.in_string);
            } else {
                at = self.between_strings(&mut places, at);
            }
        }
        let most = if self.in_id { LONGEST_ID + 1 } else { LONGEST_NAME };
        carry(&mut self.string, &piece[places.string], most);
        if self.in_usage {
            carry(&mut self.value, &piece[places.value..], LONGEST_VALUE);
        }
    }

    // Where the quote stands that ends the present string, else the end of the piece.
    fn string_end(&mut self, piece: &[u8], mut at: usize) -> usize {
        loop {
            if self.escaped {
                if at == piece.len() {
                    return at;
                }
                // What follows a backslash has no meaning of its own.
                self.escaped = false;
                at += 1;
            }
            let Some(found) = special(piece, at) else {
                return piece.len();
            };
            if piece[found] == b'"' {
                self.in_string = false;
                return found;
            }
            self.escaped = true;
            at = found + 1;
        }
    }

    // Goes up to and with the beginning of the next string.
    fn between_strings(&mut self, places: &mut Places<'_>, from: usize) -> usize {
        for (at, byte) in places.piece.iter().enumerate().skip(from) {
            match byte {
                b'"' => {
                    self.in_string = true;
                    self.string.clear();
                    places.string = at + 1..at + 1;
                    return at + 1;
                }
                b'{' | b'[' => {
                    self.depth += 1;
                    self.speaks = false;
                    self.in_id = false;
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.speaks = false;
                    if self.in_usage && self.depth == self.fields_at {
                        self.usage_over(&places.piece[places.value..=at]);
                    }
                }
                b',' => {
                    self.speaks = false;
                    self.in_usage &= self.depth > self.fields_at;
                    self.in_id = false;
                }
                b':' => self.value_begins(places, at + 1),
                _ => {}
            }
        }
        places.piece.len()
    }

    fn value_begins(&mut self, places: &mut Places<'_>, at: usize) {
        let here = &places.piece[places.string.clone()];
        let name = if self.string.is_empty() {
            here
        } else {
            carry(&mut self.string, here, LONGEST_NAME);
            places.string = 0..0;
            &self.string
        };
        self.speaks = SAID.contains(&name) && self.speaks_at.is_none_or(|depth| depth == self.depth);
        if self.depth == self.fields_at {
            self.in_id = name == b"id" && self.id.is_none();
            self.in_usage = name == USAGE;
            self.value.clear();
            places.value = at;
        }
    }

    fn id_over(&mut self, places: &Places<'_>) {
        self.in_id = false;
        carry(
            &mut self.string,
            &places.piece[places.string.clone()],
            LONGEST_ID + 1,
        );
        let text = std::str::from_utf8(&self.string).ok();
        self.id = text.filter(|text| text.len() <= LONGEST_ID).map(str::to_owned);
        self.string.clear();
    }

    fn usage_over(&mut self, last: &[u8]) {
        self.in_usage = false;
        let read = if self.value.is_empty() && last.len() <= LONGEST_VALUE {
            serde_json::from_slice(last)
        } else {
            carry(&mut self.value, last, LONGEST_VALUE);
            serde_json::from_slice(&self.value)
        };
        self.found = read.ok().or(self.found);
    }
}

// The next quote or backslash.
fn special(piece: &[u8], at: usize) -> Option<usize> {
    let near = piece.len().min(at + SHORT);
    let found = piece[at..near]
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\'));
    match found {
        Some(found) => Some(at + found),
        None => memchr::memchr2(b'"', b'\\', &piece[near..]).map(|found| near + found),
    }
}

// Keeps what the next piece goes on with, up to `most` bytes.
fn carry(kept: &mut Vec<u8>, part: &[u8], most: usize) {
    let room = most.saturating_sub(kept.len());
    kept.extend_from_slice(&part[..room.min(part.len())]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reported::Reported;

    fn scanned(pieces: &[&[u8]]) -> UsageScanner {
        let mut scanner = UsageScanner::default();
        pieces.iter().for_each(|piece| scanner.push(piece));
        scanner
    }

    fn prompt(pieces: &[&[u8]]) -> Option<u64> {
        let mut reported = Reported::default();
        reported.take(scanned(pieces).found()?);
        reported.tokens().map(|tokens| tokens.prompt)
    }

    #[test]
    fn the_same_for_every_split() {
        let body = br#" {"id" : "resp_0123456789abcdef0123","choices":[{"text":"\"usage\":{\"prompt_tokens\":1}"}],"x":{"usage":{"prompt_tokens":2}}, "usage" : {"prompt_tokens":3,"d":{"a":[1]}} ,"usage_x":{"prompt_tokens":4},"z":"\\"} "#;
        let said = scanned(&[body]).said();
        for at in 0..=body.len() {
            let (first, second) = body.split_at(at);
            assert_eq!(prompt(&[first, second]), Some(3), "split at {at}");
            assert_eq!(scanned(&[first, second]).said(), said, "split at {at}");
            let id = scanned(&[first, second]).id().map(str::to_owned);
            assert_eq!(id.as_deref(), Some("resp_0123456789abcdef0123"), "split at {at}");
        }
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(prompt(&bytes), Some(3));
        assert_eq!(scanned(&bytes).said(), said);
    }

    #[test]
    fn only_the_answers_text_was_said() {
        let said = |body: &[u8]| scanned(&[body]).said();
        let chat = br#"{"id":"chatcmpl-0123456789012345678901234567890","choices":[{"message":{"role":"assistant","content":"A lighthouse for ships."},"finish_reason":"stop"}]}"#;
        assert_eq!(said(chat), 23);
        assert_eq!(
            said(br#"{"content":[{"type":"text","text":"Hi"}],"model":"text"}"#),
            2
        );
        assert_eq!(said(br#"{"text":null,"a":"text","b":["text"]}"#), 0);
        let mut transcript = UsageScanner::default().speaking_outermost();
        transcript
            .push(br#"{"segments":[{"text":"Aye, aye."}],"text":"Aye, aye.","words":[{"text":"Aye"}]}"#);
        assert_eq!(transcript.said(), 9);
    }

    #[test]
    fn only_the_answers_own_id_is_its_id() {
        let id = |body: &[u8]| scanned(&[body]).id().map(str::to_owned);
        assert_eq!(id(br#"{"x":{"id":"a"},"y":["id","b"],"id":7,"z":"c"}"#), None);
        assert_eq!(
            id(br#"{"choices":[{"id":"a"}],"id":"b","id":"c"}"#).as_deref(),
            Some("b")
        );
        assert_eq!(id(format!(r#"{{"id":"{}"}}"#, "x".repeat(300)).as_bytes()), None);
    }

    #[test]
    fn knows_whether_the_document_ended() {
        let inside = |body: &[u8]| scanned(&[body]).inside();
        assert!(inside(br#"{"a":[1,"}]"#) && inside(br#" {"a":{}"#));
        assert!(!inside(br#"{"a":[1,"{"]}"#) && !inside(b"RIFF{{{") && !inside(b""));
    }

    #[test]
    fn null_absent_and_broken_are_no_usage() {
        assert_eq!(prompt(&[br#"{"usage":null,"a":{}}"#]), None);
        assert_eq!(prompt(&[br#"{"a":1}"#]), None);
        assert_eq!(prompt(&[br#"[{"usage":{"prompt_tokens":3}}]"#]), None);
        assert_eq!(prompt(&[br#"{"usage":{"prompt_tokens":3"#]), None);
    }
}
