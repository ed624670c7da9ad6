//! Passes the bytes of a WebSocket both ways until one end leaves, or the session may not go on.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason};
use actix_rt::task::JoinHandle;
use actix_rt::time::{sleep, timeout};
use actix_web::web;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use llmgw_proxy::{Access, Dialect, Outgoing, ProxyError, Services, Session, Socket, UpstreamError};
use llmgw_types::{Blame, RequestId};
use llmgw_usage::ledger::End;
use tokio::sync::mpsc;

use super::frames::{Frames, last_words};
use crate::relay::failed;

/// How often to look whether a session may go on. A key that was revoked is to be out of use within a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a client has to take note of our close before its connection is closed.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// The two ends of a socket.
pub(super) struct Ends<I, O> {
    pub(super) payload: web::Payload,
    pub(super) socket: Socket<I, O>,
    pub(super) session: Session,
    pub(super) longest: usize,
    pub(super) dialect: Dialect,
    pub(super) id: RequestId,
}

/// What goes to the client. When the client's connection is gone, actix drops it; that ends the work of both directions,
/// and with it the connection to the model server.
pub(super) struct Tunnel {
    // Not done while this is polled: it must go on, and may have to end, while a client does not read.
    work: JoinHandle<()>,
    passed: mpsc::Receiver<Bytes>,
}

impl Tunnel {
    pub(super) fn between<I, O>(services: Arc<Services>, ends: Ends<I, O>) -> Self
    where
        I: Stream<Item = Result<Bytes, UpstreamError>> + Unpin + 'static,
        O: Outgoing + 'static,
    {
        let (to_client, passed) = mpsc::channel(1);
        #[expect(
            clippy::disallowed_methods,
            reason = "it belongs to the body, whose drop ends it"
        )]
        let work = actix_rt::spawn(run(services, ends, to_client));
        Self { work, passed }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Stream for Tunnel {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.passed.poll_recv(cx).map(|bytes| bytes.map(Ok))
    }
}

/// Why a session ends.
enum Why {
    ServerEnded,
    ClientLeft,
    MayNot(ProxyError),
    Idle,
}

async fn run<I, O>(services: Arc<Services>, ends: Ends<I, O>, to_client: mpsc::Sender<Bytes>)
where
    I: Stream<Item = Result<Bytes, UpstreamError>> + Unpin,
    O: Outgoing,
{
    let Ends {
        mut payload,
        socket,
        session,
        longest,
        dialect,
        id,
    } = ends;
    let Socket {
        mut incoming,
        mut outgoing,
        ..
    } = socket;
    let (access, idle) = (session.access(), session.idle());
    let moved = Moved(&services, Cell::new(services.clock.monotonic()));
    let mut down = Down {
        session,
        frames: Frames::new(longest),
        to_client,
        unsent: None,
    };
    let why = tokio::select! {
        why = down.pass(&services, &mut incoming, &moved) => why,
        why = up(&mut payload, &mut outgoing, &moved) => why,
        why = watch(&services, &access, idle, &moved) => why,
    };
    drop(outgoing);
    down.session.end(match why {
        Why::ServerEnded | Why::Idle => End::UpstreamError,
        Why::ClientLeft | Why::MayNot(_) => End::ClientGone,
    });
    let words = match why {
        Why::ClientLeft => return,
        why => farewell(&services, why, dialect, id),
    };
    let saying = async {
        // What else the model server says is not waited for longer than to the end of a message.
        if down.finish_message(&mut incoming).await && down.to_client.send(words).await.is_ok() {
            drop(incoming);
            // Closed at once, with bytes of the client unread, the connection would be reset and our words lost.
            while let Some(Ok(_)) = payload.next().await {}
        }
    };
    let _ = timeout(CLOSE_WITHIN, saying).await;
}

// What the client is told.
fn farewell(services: &Services, why: Why, dialect: Dialect, id: RequestId) -> Bytes {
    let reason = |code, text: &str| CloseReason {
        code,
        description: Some(text.to_owned()),
    };
    match why {
        Why::MayNot(error) => {
            let code = match error.blame() {
                Blame::Client => CloseCode::Policy,
                _ => CloseCode::Again,
            };
            let error = failed(services, error, dialect, id);
            last_words(Some(&error.session_event()), reason(code, error.code()))
        }
        Why::Idle => last_words(None, reason(CloseCode::Away, "nothing was said for too long")),
        Why::ServerEnded | Why::ClientLeft => last_words(
            None,
            reason(CloseCode::Error, "the model server closed the connection"),
        ),
    }
}

/// When something passed last.
struct Moved<'a>(&'a Services, Cell<Duration>);

impl Moved<'_> {
    fn now(&self) {
        self.1.set(self.0.clock.monotonic());
    }

    fn since(&self) -> Duration {
        self.0.clock.monotonic().saturating_sub(self.1.get())
    }
}

async fn up(payload: &mut web::Payload, outgoing: &mut impl Outgoing, moved: &Moved<'_>) -> Why {
    while let Some(Ok(bytes)) = payload.next().await {
        moved.now();
        if outgoing.write(bytes).await.is_err() {
            // What it said before it left is still to be read, and ends this.
            return pending().await;
        }
    }
    Why::ClientLeft
}

async fn watch(services: &Services, access: &Access, idle: Duration, moved: &Moved<'_>) -> Why {
    loop {
        sleep(LOOK_EVERY).await;
        match access.check(services).await {
            // While a store is away nobody is sent away for that.
            Ok(()) | Err(ProxyError::Store(_)) => {}
            Err(error) => return Why::MayNot(error),
        }
        if moved.since() >= idle {
            return Why::Idle;
        }
    }
}

/// From the model server to the client.
struct Down {
    session: Session,
    frames: Frames,
    to_client: mpsc::Sender<Bytes>,
    // What was read and is still to be passed on.
    unsent: Option<Bytes>,
}

impl Down {
    async fn pass<I>(&mut self, services: &Arc<Services>, incoming: &mut I, moved: &Moved<'_>) -> Why
    where
        I: Stream<Item = Result<Bytes, UpstreamError>> + Unpin,
    {
        while let Some(Ok(bytes)) = incoming.next().await {
            moved.now();
            let session = &mut self.session;
            if let Err(error) = self.frames.take(&bytes, |event| session.saw(event)) {
                tracing::warn!(%error, "the model server sent what is no frame of a WebSocket");
                return Why::ServerEnded;
            }
            self.unsent = Some(bytes);
            // In the books before the client has it.
            let booked = self.session.book(services).await;
            if self.frames.closed() {
                // In most cases it answers the client's own.
                self.session.end(End::ClientGone);
            }
            if !self.send().await {
                return Why::ClientLeft;
            }
            if let Err(error) = booked {
                return Why::MayNot(error);
            }
        }
        Why::ServerEnded
    }

    // Whether the client is still there.
    async fn send(&mut self) -> bool {
        let Ok(room) = self.to_client.reserve().await else {
            return false;
        };
        if let Some(bytes) = self.unsent.take() {
            room.send(bytes);
        }
        true
    }

    /// Passes on to where a frame of ours can stand; whether there is such a place.
    async fn finish_message<I>(&mut self, incoming: &mut I) -> bool
    where
        I: Stream<Item = Result<Bytes, UpstreamError>> + Unpin,
    {
        while self.send().await {
            if self.frames.closed() {
                return false;
            }
            if self.frames.between_messages() {
                return true;
            }
            let Some(Ok(mut bytes)) = incoming.next().await else {
                return false;
            };
            match self.frames.take(&bytes, |_| {}) {
                Ok(Some(between)) => {
                    self.unsent = Some(bytes.split_to(between));
                    return self.send().await;
                }
                Ok(None) => self.unsent = Some(bytes),
                Err(_) => return false,
            }
        }
        false
    }
}
