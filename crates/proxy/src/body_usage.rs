//! Reads `usage` from a JSON answer that passes by in pieces, in constant memory however long the answer is.
//! It finds where the value of the top-level field begins and ends, and lets serde read that value.

use crate::reported::RawUsage;

/// A usage object longer than this is none.
const LONGEST_VALUE: usize = 16 * 1024;
const FIELD: &[u8] = b"usage";

/// Watches a JSON document pass by.
#[derive(Debug, Default)]
pub(crate) struct UsageScanner {
    begun: bool,
    // Whether it begins like an object or array; anything else is not looked at.
    is_json: bool,
    depth: u32,
    in_string: bool,
    escaped: bool,
    // At depth 1: whether the next string is a field's name.
    name_next: bool,
    // The name being read, cut to one byte more than ours so that longer ones differ.
    name: Vec<u8>,
    reading_name: bool,
    in_value: bool,
    value: Vec<u8>,
    found: Option<RawUsage>,
}

impl UsageScanner {
    /// The last usage that was seen whole.
    pub(crate) fn found(&self) -> Option<RawUsage> {
        self.found
    }

    /// Whether an object or array has begun and not ended.
    pub(crate) fn inside(&self) -> bool {
        self.is_json && self.depth > 0
    }

    /// Looks at the next piece.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let mut at = 0;
        if !self.begun {
            let Some(first) = piece.iter().position(|byte| !byte.is_ascii_whitespace()) else { return };
            self.begun = true;
            self.is_json = matches!(piece[first], b'{' | b'[');
        }
        if !self.is_json {
            return;
        }
        while at < piece.len() {
            if self.in_string && !self.escaped && !self.reading_name && !self.in_value {
                // Most of an answer is inside strings whose text does not matter.
                let Some(skip) = memchr::memchr2(b'"', b'\\', &piece[at..]) else { return };
                at += skip;
            }
            self.step(piece[at]);
            at += 1;
        }
    }

    fn step(&mut self, byte: u8) {
        if self.in_value && self.value.len() < LONGEST_VALUE {
            self.value.push(byte);
        }
        if self.in_string {
            return self.step_in_string(byte);
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.reading_name = self.depth == 1 && self.name_next;
                self.name.clear();
            }
            b'{' | b'[' => {
                self.depth += 1;
                self.name_next = self.depth == 1 && byte == b'{';
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 1 {
                    self.value_over();
                }
            }
            b':' if self.depth == 1 && self.name_next => {
                self.name_next = false;
                self.in_value = self.name == FIELD;
                self.value.clear();
            }
            b',' if self.depth == 1 => {
                self.in_value = false;
                self.name_next = true;
            }
            _ => {}
        }
    }

    fn step_in_string(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.in_string = false;
            self.reading_name = false;
            return;
        }
        if self.reading_name && self.name.len() <= FIELD.len() {
            self.name.push(byte);
        }
    }

    fn value_over(&mut self) {
        if self.in_value {
            self.in_value = false;
            self.found = serde_json::from_slice(&self.value).ok().or(self.found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reported::Reported;

    fn prompt(pieces: &[&[u8]]) -> Option<u64> {
        let mut scanner = UsageScanner::default();
        for piece in pieces {
            scanner.push(piece);
        }
        let mut reported = Reported::default();
        reported.take(scanner.found()?);
        reported.tokens().map(|tokens| tokens.prompt)
    }

    #[test]
    fn the_same_for_every_split() {
        let body = br#" {"choices":[{"text":"\"usage\":{\"prompt_tokens\":1}"}],"x":{"usage":{"prompt_tokens":2}}, "usage" : {"prompt_tokens":3,"d":{"a":[1]}} ,"usage_x":{"prompt_tokens":4},"z":"\\"} "#;
        for at in 0..=body.len() {
            let (first, second) = body.split_at(at);
            assert_eq!(prompt(&[first, second]), Some(3), "split at {at}");
        }
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(prompt(&bytes), Some(3));
    }

    #[test]
    fn knows_whether_the_document_ended() {
        let inside = |body: &[u8]| {
            let mut scanner = UsageScanner::default();
            scanner.push(body);
            scanner.inside()
        };
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
