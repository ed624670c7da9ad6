//! A model server that costs next to nothing: fixed answers in OpenAI's shape, plain or streamed, with usage.
//! Which model is asked for decides how a stream is paced.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use memchr::memmem;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Failure;

/// Chunks of text in a streamed answer.
const CHUNKS: usize = 20;
/// Between two chunks of a slow stream.
const SLOW: Duration = Duration::from_millis(100);
/// A thousand clients connect at once; a short queue would make some of them try again a second later.
const BACKLOG: u32 = 4096;

/// How the chunks of a stream leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as can be, each in a write of its own.
    Separate,
    /// All at once, in as few writes as the server likes.
    Burst,
    /// One every 100 ms.
    Slow,
}

impl Pace {
    pub(crate) const ALL: [Self; 3] = [Self::Separate, Self::Burst, Self::Slow];

    /// The model that streams at this pace.
    pub(crate) const fn model(self) -> &'static str {
        match self {
            Self::Separate => "bench",
            Self::Burst => "bench-burst",
            Self::Slow => "bench-slow",
        }
    }
}

static PLAIN: Bytes = Bytes::from_static(
    br#"{"id":"chatcmpl-0","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"A lighthouse shows ships the way at night, and warns them of rocks."},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":20,"total_tokens":32,"prompt_tokens_details":{"cached_tokens":0}}}"#,
);
static WITHOUT_USAGE: LazyLock<Vec<Bytes>> = LazyLock::new(|| events(false));
static WITH_USAGE: LazyLock<Vec<Bytes>> = LazyLock::new(|| events(true));
const DONE: &[u8] = b"data: [DONE]\n\n";

/// The bytes a client must get that did not ask for usage.
pub(crate) fn expected(streamed: bool) -> Bytes {
    if streamed {
        WITHOUT_USAGE.concat().into()
    } else {
        PLAIN.clone()
    }
}

fn events(with_usage: bool) -> Vec<Bytes> {
    let chunk = |rest: String| {
        let head =
            r#"{"id":"chatcmpl-0","object":"chat.completion.chunk","created":1700000000,"model":"bench","#;
        Bytes::from(format!("data: {head}{rest}}}\n\n"))
    };
    let text = |number| {
        let finish = if number + 1 == CHUNKS { r#""stop""# } else { "null" };
        chunk(format!(
            r#""choices":[{{"index":0,"delta":{{"content":" word{number}"}},"finish_reason":{finish}}}]"#
        ))
    };
    let usage = with_usage.then(|| {
        chunk(
            r#""choices":[],"usage":{"prompt_tokens":12,"completion_tokens":20,"total_tokens":32}"#
                .to_owned(),
        )
    });
    (0..CHUNKS)
        .map(text)
        .chain(usage)
        .chain([Bytes::from_static(DONE)])
        .collect()
}

/// Serves until the process is ended, after saying on stdout where.
pub(crate) async fn serve(listen: SocketAddr) -> Result<(), Failure> {
    let listener = bind(listen)?;
    println!(r#"{{"listening":"{}"}}"#, listener.local_addr()?);
    accept(listener).await
}

pub(crate) async fn accept(listener: TcpListener) -> Result<(), Failure> {
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(serve_connection(connection));
    }
}

pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(address)?;
    Ok(socket.listen(BACKLOG)?)
}

async fn serve_connection(connection: TcpStream) {
    // A client that is gone needs no answer, so errors of one connection are of no interest.
    if connection.set_nodelay(true).is_ok() {
        let served = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(connection), service_fn(answer));
        drop(served.await);
    }
}

type Answer = Response<Either<Full<Bytes>, Events>>;

async fn answer(request: Request<Incoming>) -> Result<Answer, Infallible> {
    let known = request.method() == Method::POST && request.uri().path() == "/v1/chat/completions";
    let Ok(body) = request
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
    else {
        return Ok(refuse(StatusCode::BAD_REQUEST));
    };
    if !known {
        return Ok(refuse(StatusCode::NOT_FOUND));
    }
    Ok(if has(&body, r#""stream":true"#) {
        stream(&body)
    } else {
        plain()
    })
}

/// A parser would cost more than the rest of the mock, and our own load writes no spaces.
fn has(body: &[u8], text: &str) -> bool {
    memmem::find(body, text.as_bytes()).is_some()
}

fn plain() -> Answer {
    let mut response = Response::new(Either::Left(Full::new(PLAIN.clone())));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn stream(body: &[u8]) -> Answer {
    let asked = |pace: &Pace| has(body, &format!(r#""model":"{}""#, pace.model()));
    let pace = Pace::ALL.into_iter().find(asked).unwrap_or(Pace::Separate);
    let events = if has(body, r#""include_usage""#) {
        &*WITH_USAGE
    } else {
        &*WITHOUT_USAGE
    };
    let mut response = Response::new(Either::Right(Events::new(events, pace)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

fn refuse(status: StatusCode) -> Answer {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = status;
    response
}

/// The body of a streamed answer.
struct Events {
    events: &'static [Bytes],
    given: usize,
    pace: Pace,
    /// Of a slow stream: when the next chunk is due.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether an event was handed out since hyper last had reason to write.
    unwritten: bool,
}

impl Events {
    fn new(events: &'static [Bytes], pace: Pace) -> Self {
        let timer = (pace == Pace::Slow).then(|| Box::pin(sleep_until(Instant::now() + SLOW)));
        Self {
            events,
            given: 0,
            pace,
            timer,
            unwritten: false,
        }
    }

    fn wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.pace == Pace::Separate && self.unwritten {
            // hyper writes what it has as soon as a body has nothing to say.
            self.unwritten = false;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        // What follows the last chunk of text comes together with it.
        if let Some(timer) = &mut self.timer
            && self.given < CHUNKS
        {
            ready!(timer.as_mut().poll(context));
            let next = timer.deadline() + SLOW;
            timer.as_mut().reset(next);
        }
        Poll::Ready(())
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        ready!(this.wait(context));
        let event = this.events.get(this.given).cloned();
        this.given += 1;
        this.unwritten = true;
        Poll::Ready(event.map(|event| Ok(Frame::data(event))))
    }
}
