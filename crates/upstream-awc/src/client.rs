//! Sends a request and waits for the head of its answer.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::timeout;
use actix_service::{Service, fn_service};
use actix_tls::connect::tcp::TcpConnector;
use actix_tls::connect::{ConnectError as ConnectDialError, ConnectInfo, Connection, Resolver};
use awc::error::{ConnectError, SendRequestError};
use awc::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use awc::http::{Uri, Version};
use awc::{Client, ClientRequest, Connector};
use llmgw_models::AllowedTargets;
use llmgw_proxy::{
    HeaderList, Method, Upstream, UpstreamAnswer, UpstreamError, UpstreamRequest, named_by_connection,
    to_client,
};
use llmgw_types::{ExposeSecret, SecretString};

use crate::AwcBody;
use crate::body::{Bounds, Sending};
use crate::wire::{LastRead, State, Wire};

/// How long to let a connection say goodbye.
const DISCONNECT: Duration = Duration::from_secs(1);

/// Connections that were kept may all have been closed at once, by a model server that was started anew.
const MOST_STALE: usize = 3;

/// How connections to model servers are made and kept.
#[derive(Debug, Clone, Copy)]
pub struct Connecting {
    /// How long to wait for one.
    pub within: Duration,
    /// How long one is kept that no request uses, 75 s at most: awc uses none for longer. Where that is longer than the model server's own, a request may
    /// be sent on a connection that is just being closed, and is sent again on another.
    pub keep_alive: Duration,
}

/// [`Upstream`] by awc. Belongs to one thread.
#[derive(Clone)]
pub struct AwcUpstream {
    pub(crate) client: Client,
    // Set when a connection is opened, which happens while the request that needs it is polled.
    opened: Rc<Cell<bool>>,
    last_read: LastRead,
}

impl std::fmt::Debug for AwcUpstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwcUpstream").finish_non_exhaustive()
    }
}

impl AwcUpstream {
    /// A client that connects to no address that is not `allowed`.
    #[must_use]
    pub fn new(connecting: Connecting, allowed: Arc<AllowedTargets>) -> Self {
        Self::resolving(connecting, allowed, &Resolver::default())
    }

    fn resolving(connecting: Connecting, allowed: Arc<AllowedTargets>, resolver: &Resolver) -> Self {
        // awc asks for the process's provider and panics where there is none. Somebody else's is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let opened = Rc::new(Cell::new(false));
        let mark = Rc::clone(&opened);
        let last_read = LastRead::default();
        let wired = last_read.clone();
        let (resolver, dialer) = (resolver.service(), TcpConnector::default().service());
        let dial = fn_service(move |request: ConnectInfo<Uri>| {
            mark.set(true);
            let (resolved, wired) = (resolver.call(request), wired.clone());
            let allowed = Arc::clone(&allowed);
            async move {
                // A name may resolve to another address than when it was looked at last.
                let request = only_allowed(resolved.await?, &allowed)?;
                let (io, request) = dialer.call(request).await?.into_parts();
                Ok::<_, ConnectDialError>(Connection::new(request, Wire::new(io, wired)))
            }
        });
        let connector = Connector::new()
            .connector(dial)
            .limit(0)
            .timeout(connecting.within)
            .conn_keep_alive(connecting.keep_alive)
            .disconnect_timeout(DISCONNECT)
            .max_http_version(Version::HTTP_11);
        let client = Client::builder()
            .connector(connector)
            .disable_redirects()
            .disable_timeout()
            .no_default_headers()
            .finish();
        Self {
            client,
            opened,
            last_read,
        }
    }

    /// Asks for something small: the status, and the body where it is no longer than `longest` bytes.
    pub(crate) async fn get(
        &self,
        url: &str,
        secret: Option<&SecretString>,
        longest: usize,
    ) -> Result<(u16, Option<bytes::Bytes>), UpstreamError> {
        let uri: Uri = url.parse().map_err(|_| UpstreamError::Address)?;
        let mut asked = self.client.get(uri);
        if let Some(secret) = secret {
            asked.headers_mut().insert(AUTHORIZATION, bearer(secret)?);
        }
        let mut answer = asked.send().await.map_err(failure)?;
        let status = answer.status().as_u16();
        Ok((status, answer.body().limit(longest).await.ok()))
    }

    async fn send_once(&self, request: &UpstreamRequest) -> Result<UpstreamAnswer<AwcBody>, Failure> {
        let prepared = self.prepare(request).map_err(Failure::for_good)?;
        let body = request.body.clone();
        let sending = if body.is_empty() && request.method != Method::Post {
            prepared.send()
        } else {
            prepared.send_body(Sending(body))
        };
        match self.watching(sending, request.first_byte_timeout).await {
            (None, _) => Err(Failure::for_good(UpstreamError::Timeout)),
            (Some(Err(error)), unheard) => Err(Failure::of(error, unheard)),
            (Some(Ok(answer)), _) if !can_be_read(&answer) => {
                self.last_read.cut();
                Err(Failure::for_good(UpstreamError::Broken(
                    "an interim answer, or one without a length".into(),
                )))
            }
            (Some(Ok(answer)), _) => Ok(begin(answer, request.idle_timeout, self.last_read.state())),
        }
    }

    /// What comes of `sending` within the time there is, and whether no connection was opened for it and no byte came.
    pub(crate) async fn watching<F: Future>(
        &self,
        sending: F,
        within: Duration,
    ) -> (Option<F::Output>, bool) {
        let mut unheard = true;
        let mut sending = pin!(sending);
        let watched = poll_fn(|cx| {
            self.opened.set(false);
            self.last_read.forget();
            let polled = sending.as_mut().poll(cx);
            unheard &= !self.opened.get() && !self.last_read.heard();
            polled
        });
        let sent = timeout(within, watched).await.ok();
        (sent, unheard)
    }

    fn prepare(&self, request: &UpstreamRequest) -> Result<ClientRequest, UpstreamError> {
        let uri: Uri = request.url.parse().map_err(|_| UpstreamError::Address)?;
        let method = match request.method {
            Method::Get => awc::http::Method::GET,
            Method::Post => awc::http::Method::POST,
            Method::Delete => awc::http::Method::DELETE,
        };
        let mut prepared = self.client.request(method, uri);
        let headers = prepared.headers_mut();
        for (name, value) in request.headers.iter() {
            // What came in as a header goes out as one; anything else is left out.
            if let Ok(value) = HeaderValue::from_maybe_shared(value.clone()) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        if let Some(secret) = &request.secret {
            headers.insert(AUTHORIZATION, bearer(secret)?);
        }
        Ok(prepared)
    }
}

pub(crate) fn bearer(secret: &SecretString) -> Result<HeaderValue, UpstreamError> {
    let text = format!("Bearer {}", secret.expose_secret());
    let mut value = HeaderValue::try_from(text).map_err(|_| UpstreamError::Address)?;
    value.set_sensitive(true);
    Ok(value)
}

fn only_allowed(
    request: ConnectInfo<Uri>,
    allowed: &AllowedTargets,
) -> Result<ConnectInfo<Uri>, ConnectDialError> {
    let all = request.addrs();
    let some: Vec<SocketAddr> = all
        .filter(|address| allowed.allows(request.hostname(), address.ip()))
        .collect();
    if some.is_empty() {
        let refused = "its address is none that targets may have (upstream.allow)";
        return Err(ConnectDialError::Io(io::Error::new(
            io::ErrorKind::PermissionDenied,
            refused,
        )));
    }
    Ok(request.set_addrs(some))
}

pub(crate) struct Failure {
    error: UpstreamError,
    // A kept connection died before a byte of the answer: most likely it was closed while it was idle, and the
    // model server never saw the request.
    stale: bool,
}

impl Failure {
    /// That of a request, perhaps on a connection that was kept and of which nothing was heard.
    pub(crate) fn of(error: SendRequestError, unheard: bool) -> Self {
        Self {
            stale: unheard && is_of_the_connection(&error),
            error: failure(error),
        }
    }

    pub(crate) const fn for_good(error: UpstreamError) -> Self {
        Self { error, stale: false }
    }
}

/// Asks again while connections that were kept turn out to be dead.
pub(crate) async fn unless_stale<T>(once: impl AsyncFn() -> Result<T, Failure>) -> Result<T, UpstreamError> {
    let mut stale = 0;
    loop {
        match once().await {
            Err(failure) if failure.stale && stale < MOST_STALE => stale += 1,
            done => return done.map_err(|failure| failure.error),
        }
    }
}

impl Upstream for AwcUpstream {
    type Body = AwcBody;

    async fn send(&self, request: UpstreamRequest) -> Result<UpstreamAnswer<AwcBody>, UpstreamError> {
        unless_stale(async || self.send_once(&request).await).await
    }
}

// awc takes the first head for the answer, interim or not (RFC 9110 15.2), and one of HTTP/1.1 that neither names
// its length nor comes in chunks for empty, though it ends with the connection (RFC 9112 6.3).
fn can_be_read(answer: &awc::ClientResponse) -> bool {
    let (status, headers) = (answer.status(), answer.headers());
    let framed = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    !status.is_informational()
        && (framed || matches!(status.as_u16(), 204 | 304) || answer.version() == Version::HTTP_10)
}

fn begin(
    answer: awc::ClientResponse,
    idle: Duration,
    connection: Option<Rc<State>>,
) -> UpstreamAnswer<AwcBody> {
    let status = answer.status().as_u16();
    let mut headers = HeaderList::new();
    let hop_by_hop = |name| {
        answer
            .headers()
            .get_all(CONNECTION)
            .any(|value| named_by_connection(value.as_bytes(), name))
    };
    for (name, value) in answer.headers() {
        if let Some(name) = to_client(name.as_str()).filter(|name| !hop_by_hop(name)) {
            headers.push(name, bytes::Bytes::copy_from_slice(value.as_bytes()));
        }
    }
    let length = answer
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok());
    let chunked = answer.version() == Version::HTTP_11 && answer.headers().contains_key(TRANSFER_ENCODING);
    // After an error a model server may have left part of our request unread: its connection is not kept.
    let bounds = Bounds {
        idle,
        close_after: length.filter(|_| status >= 400),
        connection: connection.filter(|_| chunked),
    };
    UpstreamAnswer {
        status,
        headers,
        length,
        body: AwcBody::new(answer, bounds),
    }
}

// It was closed. Where our request came to a socket that was just being closed, the connection is reset, of which awc
// says that there is no answer to read.
fn is_of_the_connection(error: &SendRequestError) -> bool {
    matches!(
        error,
        SendRequestError::Connect(ConnectError::Disconnected)
            | SendRequestError::Send(_)
            | SendRequestError::Response(_)
    )
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

#[cfg(test)]
mod tests;
