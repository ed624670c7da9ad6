//! A connection that can be cut while awc's pool holds it: awc takes an answer that it cannot frame for one
//! without a body, and would keep the connection on which the rest of that answer is still to come.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_rt::net::{ActixStream, Ready, TcpStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The connection that was read last on this thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastRead(Rc<RefCell<Option<Rc<Cell<bool>>>>>);

impl LastRead {
    /// Forgets it.
    pub(crate) fn forget(&self) {
        self.0.take();
    }

    /// Cuts it: from now on it reads as closed, so that the pool drops it.
    pub(crate) fn cut(&self) {
        if let Some(cut) = self.0.take() {
            cut.set(true);
        }
    }
}

/// A connection that notes when it is read.
#[derive(Debug)]
pub(crate) struct Wire {
    io: TcpStream,
    cut: Rc<Cell<bool>>,
    last: LastRead,
}

impl Wire {
    pub(crate) fn new(io: TcpStream, last: LastRead) -> Self {
        Self {
            io,
            cut: Rc::default(),
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
        if self.cut.get() {
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_ready() {
            self.last.0.replace(Some(Rc::clone(&self.cut)));
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
