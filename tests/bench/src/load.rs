//! The load: hyper clients on connections they keep, checking every answer. Knows no gateway, only an address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Failure;

/// After that an answer counts as failed; a slow stream takes two seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// One kind of request, where it goes, and what must come back.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) address: SocketAddr,
    request: Request<Full<Bytes>>,
    expected: Bytes,
}

/// What came of a load. Times are those of complete answers only.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Answers that were 200 and byte for byte right.
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    /// The first failure, to tell what is wrong.
    pub(crate) complaint: Option<String>,
    /// From sending a request to the first byte of its body, in nanoseconds.
    pub(crate) first_byte: Vec<u64>,
    /// To its last byte.
    pub(crate) whole: Vec<u64>,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
}

impl Work {
    pub(crate) fn new(
        address: SocketAddr,
        key: &str,
        body: String,
        expected: Bytes,
    ) -> Result<Self, Failure> {
        let request = Request::post("/v1/chat/completions")
            .header(HOST, address.to_string())
            .header(AUTHORIZATION, format!("Bearer {key}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        Ok(Self {
            address,
            request,
            expected,
        })
    }
}

/// Keeps that many connections busy for that long; what was begun is finished and counts.
pub(crate) async fn keep_busy(work: &Arc<Work>, connections: usize, time: Duration) -> Outcome {
    run(work, connections, Some(time)).await
}

/// Sends that many requests at once, each on a connection of its own.
pub(crate) async fn all_at_once(work: &Arc<Work>, requests: usize) -> Outcome {
    run(work, requests, None).await
}

async fn run(work: &Arc<Work>, connections: usize, time: Option<Duration>) -> Outcome {
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        clients.spawn(client(Arc::clone(work), time.map(|time| started + time)));
    }
    let mut sum = Outcome::default();
    while let Some(ended) = clients.join_next().await {
        match ended {
            Ok(part) => sum.add(part),
            Err(panic) => sum.fail(&panic.to_string()),
        }
    }
    sum.elapsed = started.elapsed();
    sum
}

/// One connection's requests, one after the other, until the time is up; just one where there is no time.
async fn client(work: Arc<Work>, until: Option<Instant>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut connection = None;
    loop {
        match timeout(PATIENCE, ask(&mut connection, &work))
            .await
            .unwrap_or_else(|late| Err(late.into()))
        {
            Ok((first_byte, whole)) => outcome.complete(first_byte, whole),
            Err(failure) => {
                outcome.fail(&failure.to_string());
                connection = None;
                // A server that is gone fails at once: let others run, and time pass.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        if until.is_none_or(|until| Instant::now() >= until) {
            return outcome;
        }
    }
}

type Connection = SendRequest<Full<Bytes>>;

async fn ask(connection: &mut Option<Connection>, work: &Work) -> Result<(Duration, Duration), Failure> {
    // A server may close a connection between two requests; that is no failure.
    if let Some(open) = connection
        && open.ready().await.is_err()
    {
        *connection = None;
    }
    let connection = match connection {
        Some(open) => open,
        None => connection.insert(connect(work.address).await?),
    };
    let sent = Instant::now();
    let response = connection.send_request(work.request.clone()).await?;
    if response.status() != StatusCode::OK {
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        return Err(format!("status {status}: {}", String::from_utf8_lossy(&body)).into());
    }
    let mut body = response.into_body();
    let (mut first_byte, mut read) = (None, 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        first_byte.get_or_insert_with(|| sent.elapsed());
        if work.expected.get(read..read + data.len()) != Some(&data[..]) {
            return Err(format!("byte {read} and on differ: {}", String::from_utf8_lossy(&data)).into());
        }
        read += data.len();
    }
    if read != work.expected.len() {
        return Err(format!("{read} bytes came instead of {}", work.expected.len()).into());
    }
    let whole = sent.elapsed();
    Ok((first_byte.unwrap_or(whole), whole))
}

async fn connect(address: SocketAddr) -> Result<Connection, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Ends with its sender; what it fails with, the sender says too.
    tokio::spawn(connection);
    Ok(sender)
}

impl Outcome {
    fn complete(&mut self, first_byte: Duration, whole: Duration) {
        self.completed += 1;
        self.first_byte.push(nanoseconds(first_byte));
        self.whole.push(nanoseconds(whole));
    }

    fn fail(&mut self, why: &str) {
        self.failed += 1;
        self.complaint.get_or_insert_with(|| why.to_owned());
    }

    fn add(&mut self, other: Self) {
        self.completed += other.completed;
        self.failed += other.failed;
        self.complaint = self.complaint.take().or(other.complaint);
        self.first_byte.extend(other.first_byte);
        self.whole.extend(other.whole);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock;

    async fn ask_mock(body: &str, expected: Bytes) -> Outcome {
        let listener = mock::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(mock::accept(listener));
        let work = Work::new(address, "none", body.to_owned(), expected).unwrap();
        let outcome = all_at_once(&Arc::new(work), 3).await;
        server.abort();
        outcome
    }

    #[tokio::test]
    async fn right_answers_complete() {
        for (body, streamed) in [("{}", false), (r#"{"stream":true}"#, true)] {
            let outcome = ask_mock(body, mock::expected(streamed)).await;
            assert_eq!(
                (outcome.completed, outcome.failed),
                (3, 0),
                "{:?}",
                outcome.complaint
            );
        }
    }

    #[tokio::test]
    async fn a_wrong_a_longer_and_a_shorter_answer_fail() {
        let right = mock::expected(false);
        let wrong = Bytes::from(right.to_ascii_uppercase());
        let longer = Bytes::from([&right[..], b"x"].concat());
        for expected in [wrong, longer, right.slice(1..), right.slice(..right.len() - 1)] {
            let outcome = ask_mock("{}", expected).await;
            assert_eq!((outcome.completed, outcome.failed), (0, 3));
        }
    }

    #[tokio::test]
    async fn usage_comes_only_where_asked_for() {
        let asked = r#"{"stream":true,"stream_options":{"include_usage":true}}"#;
        let outcome = ask_mock(asked, mock::expected(true)).await;
        assert_eq!(outcome.failed, 3);
        assert!(outcome.complaint.unwrap().contains(r#""usage":{"#));
    }
}
