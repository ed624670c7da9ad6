//! A connection that can be cut while awc's pool holds it: awc takes an answer that it cannot frame for one
//! without a body, and would keep the connection on which the rest of that answer is still to come. It also tells
//! whether the other side closed it: awc takes chunks that broke off for all there are.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_rt::net::{ActixStream, Ready, TcpStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The connection that was read last on this thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastRead(Rc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    state: RefCell<Option<Rc<State>>>,
    // Whether a byte came since it was forgotten, of this connection or another.
    heard: Cell<bool>,
}

/// What is known of a connection.
#[derive(Debug, Default)]
pub(crate) struct State {
    cut: Cell<bool>,
    ended: Cell<bool>,
}

impl State {
    /// Whether the other side has closed it, and all it sent before was read.
    pub(crate) fn ended(&self) -> bool {
        self.ended.get()
    }
}

impl LastRead {
    /// Forgets it.
    pub(crate) fn forget(&self) {
        self.0.state.take();
        self.0.heard.set(false);
    }

    /// Whether a byte came since then.
    pub(crate) fn heard(&self) -> bool {
        self.0.heard.get()
    }

    /// Cuts it: from now on it reads as closed, so that the pool drops it.
    pub(crate) fn cut(&self) {
        if let Some(state) = self.0.state.take() {
            state.cut.set(true);
        }
    }

    /// What is known of it.
    pub(crate) fn state(&self) -> Option<Rc<State>> {
        self.0.state.borrow().clone()
    }
}

/// A connection that notes when it is read.
#[derive(Debug)]
pub(crate) struct Wire {
    io: TcpStream,
    state: Rc<State>,
    last: LastRead,
}

impl Wire {
    pub(crate) fn new(io: TcpStream, last: LastRead) -> Self {
        Self {
            io,
            state: Rc::default(),
            last,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.state.cut.get() {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if let Poll::Ready(done) = &read {
            let came = buf.filled().len() > before;
            let nothing = !came && buf.remaining() > 0;
            self.state.ended.set(done.is_err() || nothing);
            self.last.0.heard.set(came || self.last.heard());
            self.last.0.state.replace(Some(Rc::clone(&self.state)));
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl ActixStream for Wire {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.io, cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.io, cx)
    }
}
