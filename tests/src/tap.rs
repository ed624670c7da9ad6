//! A model server on a bare socket: it keeps every byte it gets, answers what it is told, when it is told, and
//! notices when the gateway closes a connection.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::answers;
use crate::http::Head;
use crate::wait::within;

const BACKLOG: u32 = 4_096;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path, with what stands behind a `?`.
    pub path: String,
    /// The header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// The first field of this name (lower case).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| &**value)
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The bytes of the answer, each piece in a write of its own.
    pub pieces: Vec<Vec<u8>>,
    /// Whether to close the connection behind it.
    pub close: bool,
}

impl<T: Into<Vec<u8>>> From<T> for Reply {
    fn from(bytes: T) -> Self {
        Self {
            pieces: vec![bytes.into()],
            close: false,
        }
    }
}

// Long enough for the other side to read one piece before the next comes. Where it does not, a test sees
// fewer splits, not other bytes.
const BETWEEN_PIECES: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
struct Log {
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
}

/// A model server. Dropping it closes its listener; connections belong to their [`Call`]s.
#[derive(Debug)]
pub struct Tap {
    address: SocketAddr,
    log: Arc<Log>,
    calls: mpsc::UnboundedReceiver<Call>,
    listening: JoinHandle<()>,
}

type Handler = dyn Fn(&Received) -> Reply + Send + Sync;

impl Tap {
    /// Hands every call to the test, which answers it by hand (see [`call`](Self::call)). Only questions to a
    /// tokenizer are answered at once: there is none.
    pub fn by_hand() -> Self {
        Self::start(None)
    }

    /// Answers every request by `handler`.
    pub fn answering<R: Into<Reply>>(handler: impl Fn(&Received) -> R + Send + Sync + 'static) -> Self {
        Self::start(Some(Arc::new(move |received: &Received| {
            handler(received).into()
        })))
    }

    fn start(handler: Option<Arc<Handler>>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(BACKLOG).unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let (sender, calls) = mpsc::unbounded_channel();
        let listening = tokio::spawn(accept(listener, Arc::clone(&log), handler, sender));
        Self {
            address,
            log,
            calls,
            listening,
        }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request that waits for an answer by hand.
    pub async fn call(&mut self) -> Call {
        within("a call of the model server", self.calls.recv())
            .await
            .expect("the tap listens")
    }

    /// Every request to an endpoint so far, tokenizers left out.
    pub fn received(&self) -> Vec<Received> {
        let all = self.log.received.lock().unwrap();
        all.iter()
            .filter(|received| received.path.contains("/v1/"))
            .cloned()
            .collect()
    }

    /// Every request so far that was a client's, whatever its path: the gateway's own questions have no id.
    pub fn forwarded(&self) -> Vec<Received> {
        let all = self.log.received.lock().unwrap();
        all.iter()
            .filter(|received| received.get("x-request-id").is_some())
            .cloned()
            .collect()
    }

    /// Every request to a tokenizer so far.
    pub fn tokenized(&self) -> Vec<Received> {
        let all = self.log.received.lock().unwrap();
        all.iter()
            .filter(|received| !received.path.contains("/v1/"))
            .cloned()
            .collect()
    }

    /// How many connections were ever made.
    pub fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// A request that waits for its answer, and the connection it came on. Dropping it closes the connection.
#[derive(Debug)]
pub struct Call {
    /// The request.
    pub request: Received,
    stream: TcpStream,
    log: Arc<Log>,
}

impl Call {
    /// Sends bytes of the answer.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.try_write(bytes).await, "the gateway closed the connection");
    }

    /// Sends bytes, unless the gateway has closed the connection; whether it had not.
    pub async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        within("the gateway reads", self.stream.write_all(bytes.as_ref()))
            .await
            .is_ok()
    }

    /// The next bytes that the gateway sends on this connection; none when it closed it.
    pub async fn read(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = self.stream.read_buf(&mut bytes);
        let _ = within("more of the gateway", read).await;
        bytes
    }

    /// Sends an event of a stream, in a chunk of its own.
    pub async fn event(&mut self, event: &str) {
        self.write(answers::chunk(event.as_bytes())).await;
    }

    /// Waits until the gateway closes the connection; when that was.
    pub async fn closed(&mut self) -> Instant {
        let mut byte = [0];
        let read = within("the gateway closes the connection", self.stream.read(&mut byte)).await;
        assert!(!matches!(read, Ok(1..)), "the gateway sent more: {byte:?}");
        Instant::now()
    }

    /// The next request on this connection; `None` when the gateway closed it.
    pub async fn next(self) -> Option<Self> {
        let Self { mut stream, log, .. } = self;
        let request = within("another request", receive(&mut stream)).await?;
        log.received.lock().unwrap().push(request.clone());
        Some(Self { request, stream, log })
    }
}

async fn accept(
    listener: TcpListener,
    log: Arc<Log>,
    handler: Option<Arc<Handler>>,
    calls: mpsc::UnboundedSender<Call>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        log.connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(serve(stream, Arc::clone(&log), handler.clone(), calls.clone()));
    }
}

async fn serve(
    mut stream: TcpStream,
    log: Arc<Log>,
    handler: Option<Arc<Handler>>,
    calls: mpsc::UnboundedSender<Call>,
) {
    stream.set_nodelay(true).unwrap();
    while let Some(request) = receive(&mut stream).await {
        log.received.lock().unwrap().push(request.clone());
        let reply = match &handler {
            Some(handler) => handler(&request),
            None if !request.path.contains("/v1/") => answers::not_found().into(),
            None => {
                let _ = calls.send(Call { request, stream, log });
                return;
            }
        };
        for (at, piece) in reply.pieces.iter().enumerate() {
            if at > 0 {
                tokio::time::sleep(BETWEEN_PIECES).await;
            }
            if stream.write_all(piece).await.is_err() {
                return;
            }
        }
        if reply.close {
            return;
        }
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = bytes.split_off(end);
    let (first, headers) = Head::parse(&bytes);
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    assert_eq!(body.len(), length, "more than one request at once");
    Some(Received {
        method,
        path,
        headers,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Connection, Piece, Request};

    #[tokio::test]
    async fn client_and_model_server_understand_each_other() {
        let tap = Tap::answering(|received: &Received| match &*received.path {
            "/v1/stream" => answers::stream(received.text()).into(),
            "/v1/pieces" => Reply {
                pieces: answers::stream("abc").chunks(1).map(<[u8]>::to_vec).collect(),
                close: false,
            },
            "/v1/broken" => Reply {
                pieces: vec![answers::stream("abc")[..80].to_vec()],
                close: true,
            },
            _ => answers::ok(received.text()).into(),
        });
        let mut client = Connection::open(tap.address).await;
        for (path, expected) in [
            ("/v1/plain", "x"),
            ("/v1/stream", "x"),
            ("/v1/pieces", "abc"),
            ("/v1/plain", "x"),
        ] {
            let answer = client.ask(&Request::post(path, "x")).await;
            assert_eq!((answer.text(), answer.whole), (expected, true), "{path}");
        }
        assert!(!client.ask(&Request::post("/v1/broken", "x")).await.whole);
        assert_eq!((tap.connections(), tap.received().len()), (1, 5));
    }

    #[tokio::test]
    async fn a_call_by_hand_sees_its_client_leave() {
        let mut tap = Tap::by_hand();
        let mut client = Connection::open(tap.address).await;
        client.send(&Request::post("/v1/x", "x").bytes()).await;
        let mut call = tap.call().await;
        call.write(answers::stream_head()).await;
        call.event("one").await;
        assert_eq!(client.piece().await, Piece::Bytes(b"one".to_vec()));
        drop(client);
        call.closed().await;
    }
}
