//! WebSockets to model servers. awc shakes hands; what passes afterwards are the bytes themselves.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use awc::BoxedSocket;
use awc::error::WsClientError;
use awc::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use llmgw_proxy::{Outgoing, Socket, Sockets, UpstreamError, UpstreamRequest};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};

use crate::AwcUpstream;
use crate::client::{Failure, bearer, unless_stale};

/// Bytes read at once. A session that says nothing holds as much.
const READ_AT_ONCE: usize = 4 * 1024;

/// What comes in.
pub struct AwcIncoming {
    io: ReadHalf<BoxedSocket>,
    // What came together with the head of the answer.
    ahead: Bytes,
    buffer: Box<[u8]>,
}

impl std::fmt::Debug for AwcIncoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwcIncoming").finish_non_exhaustive()
    }
}

impl Stream for AwcIncoming {
    type Item = Result<Bytes, UpstreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if !this.ahead.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut this.ahead))));
        }
        let mut buffer = ReadBuf::new(&mut this.buffer);
        let read = ready!(Pin::new(&mut this.io).poll_read(cx, &mut buffer));
        Poll::Ready(match read {
            Err(error) => Some(Err(UpstreamError::Broken(error.into()))),
            Ok(()) if buffer.filled().is_empty() => None,
            Ok(()) => Some(Ok(Bytes::copy_from_slice(buffer.filled()))),
        })
    }
}

/// What goes out.
pub struct AwcOutgoing(WriteHalf<BoxedSocket>);

impl std::fmt::Debug for AwcOutgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwcOutgoing").finish_non_exhaustive()
    }
}

impl Outgoing for AwcOutgoing {
    async fn write(&mut self, bytes: Bytes) -> Result<(), UpstreamError> {
        let broken = |error: std::io::Error| UpstreamError::Broken(error.into());
        self.0.write_all(&bytes).await.map_err(broken)?;
        self.0.flush().await.map_err(broken)
    }
}

impl Sockets for AwcUpstream {
    type Incoming = AwcIncoming;
    type Outgoing = AwcOutgoing;

    async fn open(
        &self,
        request: UpstreamRequest,
        protocols: Option<&str>,
    ) -> Result<Socket<AwcIncoming, AwcOutgoing>, UpstreamError> {
        unless_stale(async || self.open_once(&request, protocols).await).await
    }
}

impl AwcUpstream {
    async fn open_once(
        &self,
        request: &UpstreamRequest,
        protocols: Option<&str>,
    ) -> Result<Socket<AwcIncoming, AwcOutgoing>, Failure> {
        let mut asked = self.client.ws(&request.url);
        for (name, value) in request.headers.iter() {
            // What came in as a header goes out as one.
            asked = asked.header(name, &value[..]);
        }
        if let Some(protocols) = protocols {
            asked = asked.set_header(SEC_WEBSOCKET_PROTOCOL, protocols);
        }
        if let Some(secret) = &request.secret {
            asked = asked.set_header(AUTHORIZATION, bearer(secret).map_err(Failure::for_good)?);
        }
        let (answer, unheard) = self.watching(asked.connect(), request.first_byte_timeout).await;
        let (head, framed) = match answer {
            None => return Err(Failure::for_good(UpstreamError::Timeout)),
            Some(Err(WsClientError::SendRequest(error))) => return Err(Failure::of(error, unheard)),
            Some(Err(WsClientError::InvalidResponseStatus(status))) => {
                return Err(Failure::for_good(UpstreamError::NoSocket(status.as_u16())));
            }
            Some(Err(error)) => {
                return Err(Failure::for_good(UpstreamError::Broken(error.to_string().into())));
            }
            Some(Ok(opened)) => opened,
        };
        let chosen = head.headers().get(SEC_WEBSOCKET_PROTOCOL);
        let protocol = chosen.and_then(|name| name.to_str().ok()).map(str::to_owned);
        let parts = framed.into_parts();
        let (read, write) = tokio::io::split(parts.io);
        Ok(Socket {
            incoming: AwcIncoming {
                io: read,
                ahead: BytesMut::freeze(parts.read_buf),
                buffer: vec![0; READ_AT_ONCE].into(),
            },
            outgoing: AwcOutgoing(write),
            protocol,
        })
    }
}
