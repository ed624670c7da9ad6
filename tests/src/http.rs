//! A client of HTTP/1.1 on a bare socket: it sends what it is given, as slowly as it is told, keeps every byte
//! of the answer, and may leave at any moment.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wait::within;

/// A request, put together by hand.
#[derive(Debug, Clone)]
pub struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A request without a body.
    pub fn get(path: &str) -> Self {
        Self {
            method: "GET",
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A request with a JSON body.
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST",
            body: body.into(),
            ..Self::get(path)
        }
        .header("Content-Type", "application/json")
    }

    /// A request with a body of another type.
    pub fn post_as(content_type: &str, path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::post(path, body).header("Content-Type", content_type)
    }

    /// The same with another method.
    #[must_use]
    pub fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// Shows `key` as OpenAI's clients do.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("Authorization", &format!("Bearer {key}"))
    }

    /// Sets a header field, replacing others of this name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The request as it stands on the wire, its length announced unless it says something else about it.
    pub fn bytes(&self) -> Vec<u8> {
        [self.head_bytes(), self.body.clone()].concat()
    }

    /// The part of [`bytes`](Self::bytes) before the body.
    pub fn head_bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nHost: gateway\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        let framed =
            |name: &str| ["content-length", "transfer-encoding"].contains(&&*name.to_ascii_lowercase());
        if !self.body.is_empty() && !self.headers.iter().any(|(name, _)| framed(name)) {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        (text + "\r\n").into_bytes()
    }
}

/// Status and header fields of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// The fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first field of this name (lower case).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| &**value)
    }

    pub(crate) fn parse(bytes: &[u8]) -> (String, Vec<(String, String)>) {
        let text = std::str::from_utf8(bytes).expect("a head is text");
        let mut lines = text.trim_end().split("\r\n");
        let first = lines.next().expect("a head has a first line").to_owned();
        let field = |line: &str| {
            let (name, value) = line.split_once(':').expect("a field has a colon");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        (first, lines.map(field).collect())
    }
}

/// A whole answer, or as much of it as came.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status and header fields.
    pub head: Head,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Whether the body came to the end that its framing promised.
    pub whole: bool,
}

impl Answer {
    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The id under which the request stands in the ledger.
    pub fn id(&self) -> String {
        self.head
            .get("x-request-id")
            .expect("an answer has an id")
            .to_owned()
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The word for programs in an error of OpenAI's shape.
    pub fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// The next part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes as they came.
    Bytes(Vec<u8>),
    /// The end that the framing promised.
    End,
    /// The connection ended before.
    Broken,
}

#[derive(Debug, Clone, Copy)]
enum Framing {
    // The head of the answer was not read yet.
    Unknown,
    Length(usize),
    // What is left of the present chunk.
    Chunked(usize),
    Over,
}

/// A connection to the gateway. Dropping it leaves.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
    framing: Framing,
}

impl Connection {
    /// Connects.
    pub async fn open(at: SocketAddr) -> Self {
        Self::try_open(at).await.expect("the gateway listens")
    }

    /// Connects, if anybody listens.
    pub async fn try_open(at: SocketAddr) -> Option<Self> {
        let stream = within("a connection", TcpStream::connect(at)).await.ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self {
            stream,
            unread: Vec::new(),
            framing: Framing::Unknown,
        })
    }

    /// Sends bytes. That the gateway stopped reading is no failure: its answer says why.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = within("the gateway reads", self.stream.write_all(bytes)).await;
    }

    /// The next bytes that come, whatever they are; none when the connection ended.
    pub async fn raw(&mut self) -> Vec<u8> {
        if self.unread.is_empty() {
            self.fill().await;
        }
        std::mem::take(&mut self.unread)
    }

    /// Sends a request and reads the whole answer.
    pub async fn ask(&mut self, request: &Request) -> Answer {
        self.framing = Framing::Unknown;
        self.send(&request.bytes()).await;
        self.answer().await
    }

    /// Reads the whole answer.
    pub async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let mut body = Vec::new();
        loop {
            match self.piece().await {
                Piece::Bytes(bytes) => body.extend_from_slice(&bytes),
                end => {
                    return Answer {
                        head,
                        body,
                        whole: end == Piece::End,
                    };
                }
            }
        }
    }

    /// Reads the whole answer to a second request on this connection.
    pub async fn next_answer(&mut self) -> Answer {
        self.framing = Framing::Unknown;
        self.answer().await
    }

    /// Reads the rest of the body, up to the end that its framing promised.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            match self.piece().await {
                Piece::Bytes(bytes) => body.extend_from_slice(&bytes),
                Piece::End => return body,
                Piece::Broken => panic!("broken off behind {:?}", String::from_utf8_lossy(&body)),
            }
        }
    }

    /// Reads the whole answer to the next request, if its head comes before the connection ends.
    pub async fn try_next_answer(&mut self) -> Option<Answer> {
        self.framing = Framing::Unknown;
        while !self.unread.windows(4).any(|four| four == b"\r\n\r\n") {
            if !self.fill().await {
                return None;
            }
        }
        Some(self.answer().await)
    }

    /// Reads the head of an answer.
    pub async fn head(&mut self) -> Head {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(
                self.fill().await,
                "the connection ended before an answer: {:?}",
                self.unread
            );
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let (first, headers) = Head::parse(&head);
        let status = first
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok())
            .expect("a status");
        let head = Head { status, headers };
        self.framing = match (head.get("content-length"), head.get("transfer-encoding")) {
            (Some(length), None) => Framing::Length(length.parse().unwrap()),
            (None, Some("chunked")) => Framing::Chunked(0),
            (None, None) => Framing::Length(0),
            both => panic!("framed twice: {both:?}"),
        };
        head
    }

    /// Reads the next bytes of the body; the head before it, where nobody has.
    pub async fn piece(&mut self) -> Piece {
        if let Framing::Unknown = self.framing {
            self.head().await;
        }
        if let Framing::Chunked(0) = self.framing {
            match self.chunk_size().await {
                None => return Piece::Broken,
                Some(0) => self.framing = Framing::Over,
                Some(size) => self.framing = Framing::Chunked(size),
            }
        }
        let (Framing::Length(left) | Framing::Chunked(left)) = self.framing else {
            return Piece::End;
        };
        if left == 0 {
            return Piece::End;
        }
        if self.unread.is_empty() && !self.fill().await {
            return Piece::Broken;
        }
        let bytes: Vec<u8> = self.unread.drain(..left.min(self.unread.len())).collect();
        let left = left - bytes.len();
        self.framing = match self.framing {
            Framing::Chunked(_) => Framing::Chunked(left),
            _ => Framing::Length(left),
        };
        Piece::Bytes(bytes)
    }

    /// Reads on until the body so far ends with `text`, and returns what was read.
    pub async fn body_until(&mut self, text: &str) -> Vec<u8> {
        let mut body = Vec::new();
        while !body.ends_with(text.as_bytes()) {
            match self.piece().await {
                Piece::Bytes(bytes) => body.extend_from_slice(&bytes),
                end => panic!("{end:?} before {text:?}: {}", String::from_utf8_lossy(&body)),
            }
        }
        body
    }

    // The line before a chunk, with the line end of the chunk before it; after the last chunk also its own.
    async fn chunk_size(&mut self) -> Option<usize> {
        loop {
            let skip = if self.unread.starts_with(b"\r\n") { 2 } else { 0 };
            if let Some(end) = self.unread[skip..].windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8_lossy(&self.unread[skip..skip + end]).into_owned();
                let size =
                    usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("no chunk size: {line:?}"));
                let line_end = skip + end + 2;
                if size > 0 || self.unread.len() >= line_end + 2 {
                    self.unread.drain(..line_end + if size == 0 { 2 } else { 0 });
                    return Some(size);
                }
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    async fn fill(&mut self) -> bool {
        let read = within("the gateway answers", self.stream.read_buf(&mut self.unread)).await;
        read.is_ok_and(|count| count > 0)
    }
}
