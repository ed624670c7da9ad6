//! Sends a request and waits for the head of its answer.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_rt::time::timeout;
use actix_service::{Service, fn_service};
use actix_tls::connect::ConnectInfo;
use awc::error::{ConnectError, SendRequestError};
use awc::http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName, HeaderValue};
use awc::http::{Uri, Version};
use awc::{Client, ClientRequest, Connector};
use llmgw_proxy::{HeaderList, Upstream, UpstreamAnswer, UpstreamError, UpstreamRequest, to_client};
use llmgw_types::ExposeSecret;

use crate::AwcBody;
use crate::body::Bounds;

/// Shorter than any model server's own (llama.cpp closes after 5 s), so that we rarely send on a connection
/// that is just being closed.
const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// How long to let a connection say goodbye.
const DISCONNECT: Duration = Duration::from_secs(1);

/// [`Upstream`] by awc. Belongs to one thread.
#[derive(Clone)]
pub struct AwcUpstream {
    client: Client,
    use_of: Rc<Use>,
}

// Tells a connection that was just opened from one that was kept.
#[derive(Default)]
struct Use {
    opened: Cell<u64>,
    sending: Cell<u64>,
}

impl std::fmt::Debug for AwcUpstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwcUpstream").finish_non_exhaustive()
    }
}

impl AwcUpstream {
    /// A client that waits `connect_timeout` for a connection.
    #[must_use]
    pub fn new(connect_timeout: Duration) -> Self {
        let use_of = Rc::new(Use::default());
        let counted = Rc::clone(&use_of);
        let dialer = actix_tls::connect::Connector::default().service();
        let dial = fn_service(move |request: ConnectInfo<Uri>| {
            counted.opened.set(counted.opened.get() + 1);
            dialer.call(request)
        });
        let connector = Connector::new()
            .connector(dial)
            .limit(0)
            .timeout(connect_timeout)
            .conn_keep_alive(KEEP_ALIVE)
            .disconnect_timeout(DISCONNECT)
            .max_http_version(Version::HTTP_11);
        let client =
            Client::builder().connector(connector).disable_redirects().disable_timeout().no_default_headers().finish();
        Self { client, use_of }
    }

    async fn send_once(&self, request: &UpstreamRequest) -> Result<UpstreamAnswer<AwcBody>, Failure> {
        let prepared = self.prepare(request).map_err(|error| Failure { error, kept: false })?;
        let before = self.use_of.opened.get();
        let alone = self.use_of.sending.get() == 0;
        let sending = Sending::begin(&self.use_of);
        let sent = timeout(request.first_byte_timeout, prepared.send_body(request.body.clone())).await;
        drop(sending);
        // Beside other sends, an opened connection may have been theirs.
        let kept = self.use_of.opened.get() == before || !alone;
        match sent {
            Err(_) => Err(Failure { error: UpstreamError::Timeout, kept: false }),
            Ok(Err(error)) => Err(Failure { error: failure(error), kept }),
            Ok(Ok(answer)) => Ok(begin(answer, request.idle_timeout)),
        }
    }

    fn prepare(&self, request: &UpstreamRequest) -> Result<ClientRequest, UpstreamError> {
        let uri: Uri = request.url.parse().map_err(|_| UpstreamError::Address)?;
        let mut prepared = self.client.post(uri);
        let headers = prepared.headers_mut();
        for (name, value) in request.headers.iter() {
            // What came in as a header goes out as one; anything else is left out.
            if let Ok(value) = HeaderValue::from_maybe_shared(value.clone()) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        if let Some(secret) = &request.secret {
            let mut value = HeaderValue::try_from(format!("Bearer {}", secret.expose_secret()))
                .map_err(|_| UpstreamError::Address)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(prepared)
    }
}

struct Failure {
    error: UpstreamError,
    // Whether the connection may have been one that was kept from an earlier request.
    kept: bool,
}

struct Sending<'a>(&'a Use);

impl<'a> Sending<'a> {
    fn begin(use_of: &'a Use) -> Self {
        use_of.sending.set(use_of.sending.get() + 1);
        Self(use_of)
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.sending.set(self.0.sending.get() - 1);
    }
}

impl Upstream for AwcUpstream {
    type Body = AwcBody;

    async fn send(&self, request: UpstreamRequest) -> Result<UpstreamAnswer<AwcBody>, UpstreamError> {
        match self.send_once(&request).await {
            // A kept connection that died before a byte of the answer was most likely closed while it was
            // idle: the model server never saw the request.
            Err(Failure { error: UpstreamError::Broken(_), kept: true }) => {
                self.send_once(&request).await.map_err(|failure| failure.error)
            }
            sent => sent.map_err(|failure| failure.error),
        }
    }
}

fn begin(answer: awc::ClientResponse, idle: Duration) -> UpstreamAnswer<AwcBody> {
    let status = answer.status().as_u16();
    let mut headers = HeaderList::new();
    for (name, value) in answer.headers() {
        if let Some(name) = to_client(name.as_str()) {
            headers.push(name, bytes::Bytes::copy_from_slice(value.as_bytes()));
        }
    }
    let length = answer
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok());
    // After an error a model server may have left part of our request unread: its connection is not kept.
    let bounds = Bounds { idle, close_after: length.filter(|_| status >= 400) };
    UpstreamAnswer { status, headers, length, body: AwcBody::new(answer, bounds) }
}

fn failure(error: SendRequestError) -> UpstreamError {
    match error {
        SendRequestError::Connect(ConnectError::Disconnected) => {
            UpstreamError::Broken("closed before the head of the answer".into())
        }
        SendRequestError::Connect(ConnectError::Timeout) => UpstreamError::Connect("timed out".into()),
        SendRequestError::Connect(error) => UpstreamError::Connect(error.to_string().into()),
        SendRequestError::Url(_) | SendRequestError::Http(_) => UpstreamError::Address,
        SendRequestError::Timeout => UpstreamError::Timeout,
        other => UpstreamError::Broken(other.to_string().into()),
    }
}
