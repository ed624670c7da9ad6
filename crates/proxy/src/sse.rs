//! Cuts a stream of server-sent events into whole events (WHATWG HTML 9.2), keeping every byte: lines end in
//! LF, CR or CRLF, an event ends at an empty line, and a read may end anywhere.

use bytes::{Bytes, BytesMut};

/// Events longer than this are passed on in parts instead of being kept until they are whole.
const LONGEST_EVENT: usize = 1024 * 1024;

/// A part of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// An event with the empty line that ends it.
    Event(Bytes),
    /// A part of an event too long to keep.
    Part {
        /// The bytes of the part.
        bytes: Bytes,
        /// Whether the event ends with it.
        last: bool,
    },
}

/// What is left when a stream ends.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) bytes: Bytes,
    /// Whether it is an event with its end, or only the beginning of one.
    pub(crate) whole: bool,
}

/// Cuts reads into events. What it hands out, put together, is what it was given.
#[derive(Debug)]
pub(crate) struct EventSplitter {
    tail: BytesMut,
    line_empty: bool,
    after_cr: bool,
    // An empty line ended in CR: the event is over, but an LF may still belong to it.
    over: bool,
    // Parts of the present event were handed out already.
    in_parts: bool,
}

impl Default for EventSplitter {
    fn default() -> Self {
        Self {
            tail: BytesMut::new(),
            line_empty: true,
            after_cr: false,
            over: false,
            in_parts: false,
        }
    }
}

impl EventSplitter {
    /// Takes a read and hands out what became whole.
    pub(crate) fn push(&mut self, chunk: &Bytes, mut sink: impl FnMut(Piece)) {
        let (mut start, mut at) = (0, 0);
        while let Some(byte) = chunk.get(at) {
            if self.over {
                at += usize::from(*byte == b'\n');
                sink(self.cut(chunk.slice(start..at)));
                start = at;
                continue;
            }
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' if self.line_empty => {
                    sink(self.cut(chunk.slice(start..=at)));
                    start = at + 1;
                }
                b'\n' => self.line_empty = true,
                b'\r' => {
                    self.over = self.line_empty;
                    self.line_empty = true;
                    self.after_cr = true;
                }
                _ => {
                    self.line_empty = false;
                    self.after_cr = false;
                    at += memchr::memchr2(b'\n', b'\r', &chunk[at..]).unwrap_or(chunk.len() - at);
                    continue;
                }
            }
            at += 1;
        }
        self.keep(&chunk[start..], sink);
    }

    /// Whether all that came was handed out, and an event may begin.
    pub(crate) fn is_between_events(&self) -> bool {
        self.tail.is_empty() && !self.in_parts
    }

    /// Whether a part of the present event was handed out without its end.
    pub(crate) fn in_parts(&self) -> bool {
        self.in_parts
    }

    /// At the end of the stream: what was kept back.
    pub(crate) fn finish(&mut self) -> Option<Tail> {
        let whole = self.over;
        let bytes = self.tail.split().freeze();
        (!bytes.is_empty()).then_some(Tail { bytes, whole })
    }

    fn keep(&mut self, rest: &[u8], mut sink: impl FnMut(Piece)) {
        self.tail.extend_from_slice(rest);
        if self.tail.len() > LONGEST_EVENT {
            self.in_parts = true;
            sink(Piece::Part {
                bytes: self.tail.split().freeze(),
                last: false,
            });
        }
    }

    fn cut(&mut self, end: Bytes) -> Piece {
        let bytes = if self.tail.is_empty() {
            end
        } else {
            self.tail.extend_from_slice(&end);
            self.tail.split().freeze()
        };
        let in_parts = self.in_parts;
        (self.line_empty, self.after_cr, self.over, self.in_parts) = (true, false, false, false);
        if in_parts {
            Piece::Part { bytes, last: true }
        } else {
            Piece::Event(bytes)
        }
    }
}

/// The value of an event's `data` field: borrowed when it is one line, joined by LF when it is several.
pub(crate) fn data(event: &[u8]) -> Option<std::borrow::Cow<'_, [u8]>> {
    let mut found: Option<std::borrow::Cow<'_, [u8]>> = None;
    let mut rest = event;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        let Some(value) = line.strip_prefix(b"data:") else {
            continue;
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut found {
            None => found = Some(value.into()),
            Some(joined) => {
                joined.to_mut().push(b'\n');
                joined.to_mut().extend_from_slice(value);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(chunks: &[&[u8]]) -> (Vec<Piece>, EventSplitter) {
        let mut splitter = EventSplitter::default();
        let mut got = Vec::new();
        for chunk in chunks {
            splitter.push(&Bytes::copy_from_slice(chunk), |piece| got.push(piece));
        }
        got.extend(
            splitter
                .finish()
                .filter(|tail| tail.whole)
                .map(|tail| Piece::Event(tail.bytes)),
        );
        (got, splitter)
    }

    #[test]
    fn every_split_of_every_line_ending_gives_the_same_events() {
        for eol in ["\n", "\r\n", "\r"] {
            let stream =
                format!("event: a{eol}data: 1{eol}{eol}data: 2{eol}data: 3{eol}{eol}data: [DONE]{eol}{eol}");
            let (whole, _) = pieces(&[stream.as_bytes()]);
            assert_eq!(whole.len(), 3, "{eol:?} {whole:?}");
            for at in 0..=stream.len() {
                let (first, second) = stream.as_bytes().split_at(at);
                assert_eq!(pieces(&[first, second]).0, whole, "{eol:?} split at {at}");
            }
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(pieces(&bytes).0, whole, "{eol:?} byte by byte");
        }
    }

    #[test]
    fn an_unfinished_event_is_kept_back() {
        let (got, splitter) = pieces(&[b"data: 1\n\ndata: 2\n"]);
        assert_eq!(got, [Piece::Event(Bytes::from_static(b"data: 1\n\n"))]);
        assert!(!splitter.in_parts());
    }

    #[test]
    fn a_very_long_event_passes_in_parts() {
        let long = vec![b'x'; LONGEST_EVENT + 1];
        let (got, splitter) = pieces(&[b"data: ", &long, b"y\n", b"\n", b"data: 1\n\n"]);
        let lengths: Vec<_> = got
            .iter()
            .map(|piece| match piece {
                Piece::Event(bytes) => ("event", bytes.len()),
                Piece::Part { bytes, last: false } => ("part", bytes.len()),
                Piece::Part { bytes, last: true } => ("last", bytes.len()),
            })
            .collect();
        assert_eq!(lengths, [("part", LONGEST_EVENT + 7), ("last", 3), ("event", 9)]);
        assert!(splitter.is_between_events());
    }

    #[test]
    fn data_is_joined_over_lines() {
        assert_eq!(data(b"event: x\ndata: a\ndata:b\n\n").unwrap().as_ref(), b"a\nb");
        assert_eq!(data(b": comment\n\n"), None);
    }
}
