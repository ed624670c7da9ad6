//! A client that keeps its connection: many requests, one after the other.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::PATIENCE;
use crate::upstream::header;

/// A request that costs at most what is estimated for it.
pub(crate) const SMALL: &str =
    r#"{"model":"chaos","max_tokens":4,"messages":[{"role":"user","content":"0 small"}]}"#;

/// One client of one gateway.
pub(crate) struct Session {
    at: SocketAddr,
    /// Where it says it comes from.
    origin: String,
    connection: Option<TcpStream>,
}

impl Session {
    /// Client number `number` of the gateway at `at`.
    pub(crate) fn new(at: SocketAddr, number: u32) -> Self {
        let [_, a, b, c] = number.to_be_bytes();
        Self {
            at,
            origin: format!("100.{a}.{b}.{c}"),
            connection: None,
        }
    }

    /// Sends a chat and returns its status and how long it took. Connects anew where the connection is gone.
    pub(crate) async fn ask(&mut self, key: &str, body: &str) -> io::Result<(u16, Duration)> {
        let began = Instant::now();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => TcpStream::connect(self.at).await?,
        };
        let answered = timeout(PATIENCE, self.exchange(&mut connection, key, body)).await;
        let status = answered.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        self.connection = Some(connection);
        Ok((status, began.elapsed()))
    }

    async fn exchange(&self, connection: &mut TcpStream, key: &str, body: &str) -> io::Result<u16> {
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\nx-forwarded-for: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.origin,
            body.len()
        );
        connection.write_all(format!("{head}{body}").as_bytes()).await?;
        let mut read = Vec::new();
        loop {
            if connection.read_buf(&mut read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8_lossy(&read[..end]);
            let length = header(&head, "content-length").and_then(|length| length.parse().ok());
            if read.len() >= end + 4 + length.unwrap_or(0_usize) {
                let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
                return status.ok_or_else(|| io::Error::other("no status"));
            }
        }
    }
}
