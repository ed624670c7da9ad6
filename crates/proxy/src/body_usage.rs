//! Reads `usage` from a JSON answer that passes by in pieces, in constant memory however long the answer is.
//! It finds where the value of the top-level field begins and ends, and lets serde read that value; it also
//! measures the text of the answer, for servers that report nothing.

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

/// Watches a JSON document pass by.
#[derive(Debug, Default)]
pub(crate) struct UsageScanner {
    begun: bool,
    // Whether it begins like an object or array; anything else is not looked at.
    is_json: bool,
    depth: u32,
    in_string: bool,
    escaped: bool,
    // The beginning of the last string: a colon makes it a name.
    string: Vec<u8>,
    // The present value belongs to a field whose text is part of the answer.
    speaks: bool,
    said: u64,
    in_usage: bool,
    value: Vec<u8>,
    found: Option<RawUsage>,
}

impl UsageScanner {
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
        let mut at = 0;
        if !self.begun {
            let Some(first) = piece.iter().position(|byte| !byte.is_ascii_whitespace()) else {
                return;
            };
            self.begun = true;
            self.is_json = matches!(piece[first], b'{' | b'[');
        }
        if !self.is_json {
            return;
        }
        while at < piece.len() {
            at += if self.in_string {
                self.in_string(&piece[at..])
            } else {
                self.between_strings(&piece[at..])
            };
        }
    }

    // Looks at a piece up to and with the end of the present string; returns its length.
    fn in_string(&mut self, piece: &[u8]) -> usize {
        if self.escaped {
            self.escaped = false;
            return self.take_text(piece, 1);
        }
        // Most of an answer is inside strings: its bytes are not looked at one by one.
        let plain = memchr::memchr2(b'"', b'\\', piece).unwrap_or(piece.len());
        match piece.get(plain) {
            Some(b'"') => {
                self.in_string = false;
                let taken = self.take_text(piece, plain);
                self.keep(&piece[plain..=plain]);
                taken + 1
            }
            Some(_) => {
                self.escaped = true;
                self.take_text(piece, plain + 1)
            }
            None => self.take_text(piece, plain),
        }
    }

    fn take_text(&mut self, piece: &[u8], length: usize) -> usize {
        let text = &piece[..length];
        self.keep(text);
        self.said += if self.speaks { length as u64 } else { 0 };
        let room = LONGEST_NAME - self.string.len();
        self.string.extend_from_slice(&text[..room.min(length)]);
        length
    }

    // The same up to and with the beginning of the next string.
    fn between_strings(&mut self, piece: &[u8]) -> usize {
        for (at, byte) in piece.iter().enumerate() {
            match byte {
                b'"' => {
                    self.in_string = true;
                    self.string.clear();
                    self.keep(&piece[at..=at]);
                    return at + 1;
                }
                b'{' | b'[' | b'}' | b']' | b':' | b',' => self.structure(*byte),
                _ => self.keep(&piece[at..=at]),
            }
        }
        piece.len()
    }

    fn structure(&mut self, byte: u8) {
        self.keep(&[byte]);
        match byte {
            b'{' | b'[' => {
                self.depth += 1;
                self.speaks = false;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.speaks = false;
                if self.depth == 1 {
                    self.usage_over();
                }
            }
            b':' => self.value_begins(),
            _ => {
                self.speaks = false;
                self.in_usage &= self.depth > 1;
            }
        }
    }

    // What stands in the value of `usage`.
    fn keep(&mut self, piece: &[u8]) {
        if self.in_usage {
            let room = LONGEST_VALUE - self.value.len();
            self.value.extend_from_slice(&piece[..room.min(piece.len())]);
        }
    }

    fn value_begins(&mut self) {
        self.speaks = SAID.contains(&self.string.as_slice());
        if self.depth == 1 {
            self.in_usage = self.string == USAGE;
            self.value.clear();
        }
    }

    fn usage_over(&mut self) {
        if self.in_usage {
            self.in_usage = false;
            self.found = serde_json::from_slice(&self.value).ok().or(self.found);
        }
    }
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
        let body = br#" {"choices":[{"text":"\"usage\":{\"prompt_tokens\":1}"}],"x":{"usage":{"prompt_tokens":2}}, "usage" : {"prompt_tokens":3,"d":{"a":[1]}} ,"usage_x":{"prompt_tokens":4},"z":"\\"} "#;
        let said = scanned(&[body]).said();
        for at in 0..=body.len() {
            let (first, second) = body.split_at(at);
            assert_eq!(prompt(&[first, second]), Some(3), "split at {at}");
            assert_eq!(scanned(&[first, second]).said(), said, "split at {at}");
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
