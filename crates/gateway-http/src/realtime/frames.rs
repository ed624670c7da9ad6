//! Reads what a model server sends on a WebSocket (RFC 6455) while the bytes themselves pass by.

use actix_http::ws::{CloseReason, OpCode, Parser, ProtocolError};
use bytes::{Bytes, BytesMut};

/// The longest head of a frame.
const LONGEST_HEAD: usize = 14;

/// The frames of one direction.
#[derive(Debug)]
pub(super) struct Frames {
    // Of a frame that is not there to its end.
    ahead: BytesMut,
    message: Message,
    closed: bool,
    between: bool,
    longest: usize,
}

/// A message that came in part.
#[derive(Debug)]
enum Message {
    None,
    Text(BytesMut),
    Other,
}

impl Frames {
    /// No message may be longer than `longest` bytes.
    pub(super) fn new(longest: usize) -> Self {
        Self {
            ahead: BytesMut::new(),
            message: Message::None,
            closed: false,
            between: true,
            longest,
        }
    }

    /// Takes the next bytes, and hands each whole message of text to `whole`. Says how many of these bytes there are up
    /// to the last place between two messages, where a frame of ours could stand; none where there is no such place.
    ///
    /// # Errors
    /// When these are no frames of a server, or a message is too long.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        mut whole: impl FnMut(&[u8]),
    ) -> Result<Option<usize>, ProtocolError> {
        self.ahead.extend_from_slice(bytes);
        self.between = false;
        let mut between = None;
        while let Some((last, code, payload)) = Parser::parse(&mut self.ahead, false, self.longest)? {
            self.add(last, code, payload.unwrap_or_default(), &mut whole)?;
            if matches!(self.message, Message::None) && !self.closed {
                between = Some(bytes.len() - self.ahead.len());
            }
        }
        // The parser looks at the length of a frame only when all of it is there.
        if self.ahead.len() > self.longest + LONGEST_HEAD {
            return Err(ProtocolError::Overflow);
        }
        self.between = between == Some(bytes.len());
        Ok(between)
    }

    fn add(
        &mut self,
        last: bool,
        code: OpCode,
        payload: BytesMut,
        whole: &mut impl FnMut(&[u8]),
    ) -> Result<(), ProtocolError> {
        match (code, &mut self.message) {
            (OpCode::Text, Message::None) if last => whole(&payload),
            (OpCode::Text, Message::None) => self.message = Message::Text(payload),
            (OpCode::Binary, Message::None) if last => {}
            (OpCode::Binary, Message::None) => self.message = Message::Other,
            (OpCode::Text | OpCode::Binary, _) => return Err(ProtocolError::ContinuationStarted),
            (OpCode::Continue, Message::None) => return Err(ProtocolError::ContinuationNotStarted),
            (OpCode::Continue, message) => {
                if let Message::Text(text) = message {
                    text.extend_from_slice(&payload);
                    if text.len() > self.longest {
                        return Err(ProtocolError::Overflow);
                    }
                    if last {
                        whole(text);
                    }
                }
                if last {
                    self.message = Message::None;
                }
            }
            (OpCode::Close, _) => self.closed = true,
            (OpCode::Ping | OpCode::Pong, _) => {}
            (OpCode::Bad, _) => return Err(ProtocolError::BadOpCode),
        }
        Ok(())
    }

    /// Whether the server said that it closes.
    pub(super) const fn closed(&self) -> bool {
        self.closed
    }

    /// Whether a frame of ours could stand behind what was taken.
    pub(super) const fn between_messages(&self) -> bool {
        self.between
    }
}

/// The last words of a server: an event, if there is one to tell, and the close.
pub(super) fn last_words(event: Option<&str>, reason: CloseReason) -> Bytes {
    let mut frames = BytesMut::new();
    if let Some(event) = event {
        Parser::write_message(&mut frames, event, OpCode::Text, true, false);
    }
    Parser::write_close(&mut frames, Some(reason), false);
    frames.freeze()
}

#[cfg(test)]
mod tests {
    use actix_http::ws::CloseCode;

    use super::*;

    fn frame(text: &str, code: OpCode, last: bool) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        Parser::write_message(&mut bytes, text, code, last, false);
        bytes.to_vec()
    }

    fn read(bytes: &[u8], at_once: usize) -> (Vec<String>, Frames) {
        let (mut frames, mut messages) = (Frames::new(1_000), Vec::new());
        for piece in bytes.chunks(at_once) {
            let whole = |message: &[u8]| messages.push(String::from_utf8(message.to_vec()).unwrap());
            frames.take(piece, whole).unwrap();
        }
        (messages, frames)
    }

    #[test]
    fn messages_are_read_however_they_are_cut() {
        let long = "x".repeat(900);
        let bytes = [
            frame("one", OpCode::Text, true),
            frame("binary", OpCode::Binary, true),
            frame("tw", OpCode::Text, false),
            frame("are you there", OpCode::Ping, true),
            frame("o", OpCode::Continue, true),
            frame("bin", OpCode::Binary, false),
            frame("ary", OpCode::Continue, true),
            frame(&long, OpCode::Text, true),
        ]
        .concat();
        for at_once in 1..bytes.len() {
            let (messages, frames) = read(&bytes, at_once);
            assert_eq!(messages, ["one", "two", &long], "{at_once} bytes at once");
            assert!(frames.between_messages());
        }
        for (cut, between) in [(1, false), (5, true), (13, true), (17, false), (34, false)] {
            let (_, frames) = read(&bytes[..cut], cut);
            assert_eq!(frames.between_messages(), between, "{cut}");
        }
        let mut frames = Frames::new(1_000);
        assert_eq!(
            frames.take(&bytes[..15], |_| {}).unwrap(),
            Some(13),
            "behind two messages"
        );
        assert_eq!(
            frames.take(&bytes[15..34], |_| {}).unwrap(),
            None,
            "a message goes on"
        );
    }

    #[test]
    fn a_frame_is_not_waited_for_that_is_too_long() {
        let mut frames = Frames::new(1_000);
        let head = [b"\x81\x7f".as_slice(), &(1_u64 << 40).to_be_bytes()].concat();
        let mut taken = frames.take(&head, |_| {});
        for _ in 0..20 {
            taken = taken.and_then(|_| frames.take(&[b'x'; 100], |_| {}));
        }
        assert!(taken.is_err() && frames.ahead.len() < 1_200);
    }

    #[test]
    fn a_close_is_seen_and_what_cannot_be_is_refused() {
        let (_, frames) = read(&last_words(Some("why"), CloseCode::Policy.into()), 3);
        assert!(frames.closed() && !frames.between_messages());
        for wrong in [
            frame("no beginning", OpCode::Continue, true),
            [frame("a", OpCode::Text, false), frame("b", OpCode::Text, true)].concat(),
            frame(&"long".repeat(300), OpCode::Text, true),
            [
                frame(&"x".repeat(600), OpCode::Text, false),
                frame(&"x".repeat(600), OpCode::Continue, true),
            ]
            .concat(),
        ] {
            assert!(Frames::new(1_000).take(&wrong, |_| {}).is_err());
        }
    }
}
