//! Passes the bytes of a WebSocket both ways until one end leaves, or the session may not go on.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason};
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

/// What goes to the client. It does the work of both directions while it is polled: when the client's connection is
/// gone, actix drops it, and with it the connection to the model server.
pub(super) struct Tunnel {
    work: Option<Pin<Box<dyn Future<Output = ()>>>>,
    passed: mpsc::Receiver<Bytes>,
}

impl Tunnel {
    pub(super) fn between<I, O>(services: Arc<Services>, ends: Ends<I, O>) -> Self
    where
        I: Stream<Item = Result<Bytes, UpstreamError>> + Unpin + 'static,
        O: Outgoing + 'static,
    {
        let (to_client, passed) = mpsc::channel(1);
        Self {
            work: Some(Box::pin(run(services, ends, to_client))),
            passed,
        }
    }
}

impl Stream for Tunnel {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this
            .work
            .as_mut()
            .is_some_and(|work| work.as_mut().poll(cx).is_ready())
        {
            this.work = None;
        }
        this.passed.poll_recv(cx).map(|bytes| bytes.map(Ok))
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
        whole: true,
    };
    let why = tokio::select! {
        why = down.pass(&services, &mut incoming, &moved) => why,
        why = up(&mut payload, &mut outgoing, &moved) => why,
        why = watch(&services, &access, idle, &moved) => why,
    };
    // Whatever follows, the model server is done.
    drop((incoming, outgoing));
    down.session.end(match why {
        Why::ServerEnded => End::UpstreamError,
        Why::ClientLeft => End::ClientGone,
        Why::MayNot(_) | Why::Idle => End::Complete,
    });
    if down.whole && down.frames.between_messages() && !matches!(why, Why::ClientLeft) {
        let words = farewell(&services, why, dialect, id);
        if down.to_client.send(words).await.is_ok() {
            // Closed at once, with bytes of the client unread, the connection would be reset and our words lost.
            let reading = async { while let Some(Ok(_)) = payload.next().await {} };
            let _ = timeout(CLOSE_WITHIN, reading).await;
        }
    }
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
            return Why::ServerEnded;
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
    // Whether all that was read has been passed on.
    whole: bool,
}

impl Down {
    async fn pass<I>(&mut self, services: &Arc<Services>, incoming: &mut I, moved: &Moved<'_>) -> Why
    where
        I: Stream<Item = Result<Bytes, UpstreamError>> + Unpin,
    {
        while let Some(Ok(bytes)) = incoming.next().await {
            moved.now();
            self.whole = false;
            let session = &mut self.session;
            if let Err(error) = self.frames.take(&bytes, |event| session.saw(event)) {
                tracing::warn!(%error, "the model server sent what is no frame of a WebSocket");
                return Why::ServerEnded;
            }
            // In the books before the client has it.
            let settled = self.session.settle();
            if self.frames.closed() {
                self.session.end(End::Complete);
            }
            if self.to_client.send(bytes).await.is_err() {
                return Why::ClientLeft;
            }
            self.whole = true;
            if settled
                && !self.frames.closed()
                && let Err(error) = self.session.next_turn(services).await
            {
                return Why::MayNot(error);
            }
        }
        Why::ServerEnded
    }
}
