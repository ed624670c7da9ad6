//! A model server that speaks OpenAI's realtime API over WebSocket, as far as the gateway reads it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// What one answer takes.
pub(super) const PROMPT: u64 = 132;
pub(super) const CACHED: u64 = 64;
pub(super) const COMPLETION: u64 = 121;

#[derive(Debug, Default)]
struct Seen {
    heads: Mutex<Vec<(String, HeaderMap)>>,
    open: AtomicUsize,
    answers: AtomicUsize,
}

/// Dropping it ends the listener.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
    listening: JoinHandle<()>,
}

impl Server {
    pub(super) fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(2_048).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        Self {
            address,
            seen: Arc::clone(&seen),
            listening: tokio::spawn(accept(listener, seen)),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Path and header fields of each session so far.
    pub(super) fn heads(&self) -> Vec<(String, HeaderMap)> {
        self.seen.heads.lock().unwrap().clone()
    }

    pub(super) fn open(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }

    /// How many answers it gave to their end.
    pub(super) fn answers(&self) -> u64 {
        self.seen.answers.load(Ordering::SeqCst) as u64
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn accept(listener: TcpListener, seen: Arc<Seen>) {
    while let Ok((stream, _)) = listener.accept().await {
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            let heads = Arc::clone(&seen);
            #[expect(clippy::result_large_err, reason = "the library's own type")]
            let look = move |request: &Request, mut response: Response| {
                let path = request.uri().to_string();
                heads
                    .heads
                    .lock()
                    .unwrap()
                    .push((path.clone(), request.headers().clone()));
                if path.contains("refuse") {
                    let mut refusal = ErrorResponse::new(None);
                    *refusal.status_mut() = StatusCode::FORBIDDEN;
                    return Err(refusal);
                }
                if request.headers().contains_key("sec-websocket-protocol") && !path.contains("choose_none") {
                    let chosen = HeaderValue::from_static("realtime");
                    response.headers_mut().insert("sec-websocket-protocol", chosen);
                }
                Ok(response)
            };
            if let Ok(socket) = accept_hdr_async(stream, look).await {
                seen.open.fetch_add(1, Ordering::SeqCst);
                // That a client leaves is no failure of the server.
                let _ = serve(socket, &seen).await;
                seen.open.fetch_sub(1, Ordering::SeqCst);
            }
        });
    }
}

async fn serve(mut socket: WebSocketStream<TcpStream>, seen: &Seen) -> Result<(), Error> {
    say(&mut socket, &json!({"type": "session.created", "session": {}})).await?;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let event: Value = serde_json::from_str(&text).unwrap();
        match event["type"].as_str().unwrap() {
            "response.create" => {
                begin(&mut socket).await?;
                seen.answers.fetch_add(1, Ordering::SeqCst);
                say(&mut socket, &done()).await?;
            }
            // The names of what follows are the tests' own.
            "begin" => begin(&mut socket).await?,
            "twice" => {
                begin(&mut socket).await?;
                begin(&mut socket).await?;
                seen.answers.fetch_add(2, Ordering::SeqCst);
                socket.feed(Message::text(done().to_string())).await?;
                say(&mut socket, &done()).await?;
            }
            "say nothing of usage" => {
                begin(&mut socket).await?;
                say(
                    &mut socket,
                    &json!({"type": "response.done", "response": {"usage": null}}),
                )
                .await?;
            }
            "vanish" => return Ok(()),
            _ => say(&mut socket, &json!({"type": "echo", "of": event})).await?,
        }
    }
    Ok(())
}

async fn say(socket: &mut WebSocketStream<TcpStream>, event: &Value) -> Result<(), Error> {
    socket.send(Message::text(event.to_string())).await
}

async fn begin(socket: &mut WebSocketStream<TcpStream>) -> Result<(), Error> {
    say(
        socket,
        &json!({"type": "response.created", "response": {"usage": null}}),
    )
    .await?;
    say(
        socket,
        &json!({"type": "response.output_text.delta", "delta": "Aye, it is a lighthouse."}),
    )
    .await
}

fn done() -> Value {
    json!({"type": "response.done", "response": {"status": "completed", "usage": {
        "total_tokens": PROMPT + COMPLETION, "input_tokens": PROMPT, "output_tokens": COMPLETION,
        "input_token_details": {"text_tokens": 119, "audio_tokens": 13, "cached_tokens": CACHED},
        "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
    }}})
}
