//! Clients: each request once, on a connection of its own.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::upstream::{Plan, header};

/// Nobody waits longer; whoever does was hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a client asks for.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) nonce: u64,
    pub(crate) plan: Plan,
    pub(crate) streamed: bool,
    /// Leaves when it has read so many bytes.
    pub(crate) leaves_after: Option<usize>,
    pub(crate) key: String,
}

/// What became of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) status: Option<u16>,
    /// The id of its record.
    pub(crate) id: Option<String>,
    /// All of a good answer came.
    pub(crate) whole: bool,
    pub(crate) took: Duration,
}

/// Sends a request and reads the answer as far as it comes. An error means that nothing was sent.
pub(crate) async fn ask(at: SocketAddr, ask: &Ask) -> io::Result<Outcome> {
    let began = Instant::now();
    let mut connection = timeout(PATIENCE, TcpStream::connect(at)).await??;
    let mut outcome = Outcome::default();
    let mut read = Vec::new();
    // A connection that broke tells what it told until then.
    let _ = timeout(PATIENCE, exchange(&mut connection, ask, &mut read)).await;
    outcome.took = began.elapsed();
    let text = String::from_utf8_lossy(&read);
    if let Some((head, body)) = text.split_once("\r\n\r\n") {
        outcome.status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        outcome.id = header(head, "x-request-id").map(str::to_owned);
        let length = header(head, "content-length").and_then(|length| length.parse::<usize>().ok());
        outcome.whole = outcome.status == Some(200)
            && match length {
                Some(length) => body.len() >= length,
                None => body.contains("data: [DONE]") && body.ends_with("0\r\n\r\n"),
            };
    }
    Ok(outcome)
}

async fn exchange(connection: &mut TcpStream, ask: &Ask, read: &mut Vec<u8>) -> io::Result<()> {
    let body = json!({
        "model": "chaos",
        "stream": ask.streamed,
        "max_tokens": 16,
        "messages": [{"role": "user", "content": format!("{} {}", ask.nonce, ask.plan.word())}],
    });
    let body = body.to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        ask.key,
        body.len()
    );
    connection.write_all(format!("{head}{body}").as_bytes()).await?;
    while connection.read_buf(read).await? > 0 {
        if ask.leaves_after.is_some_and(|most| read.len() >= most) {
            return Ok(());
        }
    }
    Ok(())
}

/// The answer to a GET, as JSON.
pub(crate) async fn get(at: SocketAddr, path: &str, key: &str) -> Option<serde_json::Value> {
    serde_json::from_str(&text(at, path, key).await?).ok()
}

/// The text at `path`, where an answer comes.
pub(crate) async fn text(at: SocketAddr, path: &str, key: &str) -> Option<String> {
    let asked = async {
        let mut connection = TcpStream::connect(at).await?;
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).await?;
        let mut read = Vec::new();
        connection.read_to_end(&mut read).await?;
        io::Result::Ok(read)
    };
    let read = timeout(PATIENCE, asked).await.ok()?.ok()?;
    let text = String::from_utf8(read).ok()?;
    Some(text.split_once("\r\n\r\n")?.1.to_owned())
}
