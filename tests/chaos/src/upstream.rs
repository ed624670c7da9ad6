//! A model server that does as the request asks it to, and remembers what it served.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What a request asks the model server to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    Answer,
    /// Answers with pauses.
    Slow,
    /// Breaks off in the middle.
    Die,
    /// Answers 500.
    Fail,
    /// Answers with one token to one.
    Small,
}

impl Plan {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Slow => "slow",
            Self::Die => "die",
            Self::Fail => "fail",
            Self::Small => "small",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "slow" => Self::Slow,
            "die" => Self::Die,
            "fail" => Self::Fail,
            "small" => Self::Small,
            _ => Self::Answer,
        }
    }
}

/// One request as it was served.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// The number its client gave it.
    pub(crate) nonce: u64,
    pub(crate) plan: Plan,
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
}

/// By the id that the gateway gave it.
pub(crate) type Memory = Arc<Mutex<HashMap<String, Served>>>;

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) memory: Memory,
    accepting: JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let memory = Memory::default();
        let told = Arc::clone(&memory);
        let accepting = tokio::spawn(async move {
            loop {
                if let Ok((connection, _)) = listener.accept().await {
                    let memory = Arc::clone(&told);
                    // Whoever leaves leaves; there is nothing to tell.
                    tokio::spawn(async move { drop(serve(connection, memory).await) });
                }
            }
        });
        Ok(Self {
            address,
            memory,
            accepting,
        })
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Prompt tokens that no other request of a run has.
const fn prompt_of(nonce: u64) -> u64 {
    100 + nonce
}

async fn serve(mut connection: TcpStream, memory: Memory) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some((head, body)) = request(&mut connection, &mut buffer).await? {
        let id = header(&head, "x-request-id").unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(&body).map_err(io::Error::other)?;
        let text = body["messages"][0]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let mut words = text.split(' ');
        let nonce = words
            .next()
            .and_then(|word| word.parse().ok())
            .unwrap_or_default();
        let plan = Plan::of(words.next().unwrap_or_default());
        let served = served(nonce, plan);
        // Of these there are too many to remember, and nobody asks.
        if plan != Plan::Small {
            remember(&memory, &id, served.clone());
        }
        let streamed = body["stream"] == true;
        if !answer(&mut connection, &served, streamed).await? {
            return Ok(());
        }
    }
    Ok(())
}

fn served(nonce: u64, plan: Plan) -> Served {
    let (prompt, completion) = match plan {
        Plan::Small => (1, 1),
        _ => (prompt_of(nonce), 1 + nonce % 7),
    };
    Served {
        nonce,
        plan,
        prompt,
        completion,
    }
}

fn remember(memory: &Memory, id: &str, served: Served) {
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    memory.insert(id.to_owned(), served);
}

async fn request(connection: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<(String, Vec<u8>)>> {
    loop {
        let end = buffer.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = header(&head, "content-length").and_then(|length| length.parse().ok());
            let whole = end + 4 + length.unwrap_or(0_usize);
            if buffer.len() >= whole {
                let body = buffer[end + 4..whole].to_vec();
                buffer.drain(..whole);
                return Ok(Some((head, body)));
            }
        }
        if connection.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// A field of a head, by its name in lower case.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

// Returns whether the connection goes on.
async fn answer(connection: &mut TcpStream, served: &Served, streamed: bool) -> io::Result<bool> {
    match (served.plan, streamed) {
        (Plan::Fail, _) => {
            let body = r#"{"error":{"message":"as asked"}}"#;
            let head = head("500 Internal Server Error", "application/json");
            let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            connection.write_all(text.as_bytes()).await?;
            Ok(true)
        }
        (_, true) => stream(connection, served).await,
        (_, false) => plain(connection, served).await,
    }
}

fn head(status: &str, kind: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n")
}

fn usage(served: &Served) -> Value {
    json!({
        "prompt_tokens": served.prompt,
        "completion_tokens": served.completion,
        "total_tokens": served.prompt + served.completion,
    })
}

async fn plain(connection: &mut TcpStream, served: &Served) -> io::Result<bool> {
    if served.plan == Plan::Slow {
        sleep(Duration::from_millis(120)).await;
    }
    let said = "word ".repeat(usize::try_from(served.completion).unwrap_or(1));
    let choice =
        json!({"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"});
    let body = json!({"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage(served)});
    let body = body.to_string();
    let head = head("200 OK", "application/json");
    let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let dies = served.plan == Plan::Die;
    let sent = if dies {
        text.len() - body.len() / 2
    } else {
        text.len()
    };
    connection.write_all(&text.as_bytes()[..sent]).await?;
    Ok(!dies)
}

async fn stream(connection: &mut TcpStream, served: &Served) -> io::Result<bool> {
    let head = format!(
        "{}transfer-encoding: chunked\r\n\r\n",
        head("200 OK", "text/event-stream")
    );
    connection.write_all(head.as_bytes()).await?;
    for word in 0..served.completion {
        if served.plan == Plan::Die && word > served.completion / 2 {
            return Ok(false);
        }
        let delta = json!({"index": 0, "delta": {"content": "word "}});
        event(connection, &json!({"id": "c", "choices": [delta]}).to_string()).await?;
        if served.plan == Plan::Slow {
            sleep(Duration::from_millis(60)).await;
        }
    }
    if served.plan == Plan::Die {
        return Ok(false);
    }
    event(
        connection,
        &json!({"id": "c", "choices": [], "usage": usage(served)}).to_string(),
    )
    .await?;
    event(connection, "[DONE]").await?;
    connection.write_all(b"0\r\n\r\n").await?;
    Ok(true)
}

async fn event(connection: &mut TcpStream, data: &str) -> io::Result<()> {
    let event = format!("data: {data}\n\n");
    connection
        .write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())
        .await
}
