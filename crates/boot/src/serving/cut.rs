//! Ends answers whose time is over, as if their model servers had broken off: the stages then do what they do for
//! such an answer, so that a stream ends in an error event and the request is settled.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;
use llmgw_proxy::{Socket, Sockets, Upstream, UpstreamAnswer, UpstreamError, UpstreamRequest};
use tokio::sync::watch;

/// Cuts everything that goes through its [`CutUpstream`]s.
#[derive(Debug, Clone, Default)]
pub struct Cut(Arc<State>);

#[derive(Debug, Default)]
struct State {
    // Read for each piece of an answer, without a lock.
    over: AtomicBool,
    // Wakes whoever waits.
    told: watch::Sender<bool>,
}

impl Cut {
    /// Cuts. What comes later is cut as well.
    pub fn cut(&self) {
        self.0.over.store(true, Ordering::SeqCst);
        self.0.told.send_replace(true);
    }

    /// `inner`, until it is cut.
    #[must_use]
    pub fn through<U>(&self, inner: U) -> CutUpstream<U> {
        CutUpstream {
            inner,
            state: Arc::clone(&self.0),
        }
    }
}

/// An [`Upstream`] that ends when it is cut.
#[derive(Debug, Clone)]
pub struct CutUpstream<U> {
    inner: U,
    state: Arc<State>,
}

/// Its body.
pub struct CutBody<B> {
    inner: B,
    state: Arc<State>,
    // Made when the model server lets us wait; and who is woken when it is over.
    cut: Option<Pin<Box<dyn Future<Output = ()>>>>,
    woken: Waker,
}

impl<B> fmt::Debug for CutBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CutBody").finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the gateway is stopping")]
struct Stopping;

fn stopping() -> UpstreamError {
    UpstreamError::Broken(Box::new(Stopping))
}

async fn is_cut(state: Arc<State>) {
    // The sender is in the state.
    let _ = state.told.subscribe().wait_for(|cut| *cut).await;
}

impl<U: Upstream> Upstream for CutUpstream<U> {
    type Body = CutBody<U::Body>;

    async fn send(&self, request: UpstreamRequest) -> Result<UpstreamAnswer<Self::Body>, UpstreamError> {
        let answer = tokio::select! {
            biased;
            answer = self.inner.send(request) => answer?,
            () = is_cut(Arc::clone(&self.state)) => return Err(stopping()),
        };
        let UpstreamAnswer {
            status,
            headers,
            length,
            body,
        } = answer;
        Ok(UpstreamAnswer {
            status,
            headers,
            length,
            body: self.cutting(body),
        })
    }
}

impl<U: Sockets> Sockets for CutUpstream<U> {
    type Incoming = CutBody<U::Incoming>;
    type Outgoing = U::Outgoing;

    async fn open(
        &self,
        request: UpstreamRequest,
        protocols: Option<&str>,
    ) -> Result<Socket<Self::Incoming, Self::Outgoing>, UpstreamError> {
        let Socket {
            incoming,
            outgoing,
            protocol,
        } = tokio::select! {
            biased;
            opened = self.inner.open(request, protocols) => opened?,
            () = is_cut(Arc::clone(&self.state)) => return Err(stopping()),
        };
        Ok(Socket {
            incoming: self.cutting(incoming),
            outgoing,
            protocol,
        })
    }
}

impl<U> CutUpstream<U> {
    fn cutting<B>(&self, inner: B) -> CutBody<B> {
        CutBody {
            inner,
            state: Arc::clone(&self.state),
            cut: None,
            woken: Waker::noop().clone(),
        }
    }
}

impl<B> Stream for CutBody<B>
where
    B: Stream<Item = Result<Bytes, UpstreamError>> + Unpin,
{
    type Item = Result<Bytes, UpstreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        // Also while the model server has more to say: one that never rests would never be cut.
        if this.state.over.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Err(stopping())));
        }
        if let Poll::Ready(next) = Pin::new(&mut this.inner).poll_next(cx) {
            return Poll::Ready(next);
        }
        // It was polled for this waker already, which will be woken: the flag above is seen then.
        if this.woken.will_wake(cx.waker()) {
            return Poll::Pending;
        }
        this.woken.clone_from(cx.waker());
        let state = &this.state;
        let cut = this
            .cut
            .get_or_insert_with(|| Box::pin(is_cut(Arc::clone(state))));
        cut.as_mut().poll(cx).map(|()| Some(Err(stopping())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::poll_fn;
    use std::time::Duration;

    use llmgw_proxy::{HeaderList, Method, RequestBody};

    use super::*;

    // Says what it is given, then nothing more.
    struct Says(VecDeque<&'static str>);

    impl Stream for Says {
        type Item = Result<Bytes, UpstreamError>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            let next = self.0.pop_front().map(|text| Ok(Bytes::from(text)));
            next.map_or(Poll::Pending, |next| Poll::Ready(Some(next)))
        }
    }

    // Answers with one piece, or not at all.
    struct Server(bool);

    impl Upstream for Server {
        type Body = Says;

        async fn send(&self, _: UpstreamRequest) -> Result<UpstreamAnswer<Says>, UpstreamError> {
            if !self.0 {
                std::future::pending::<()>().await;
            }
            Ok(UpstreamAnswer {
                status: 200,
                headers: HeaderList::default(),
                length: None,
                body: Says(VecDeque::from(["one"])),
            })
        }
    }

    fn request() -> UpstreamRequest {
        UpstreamRequest {
            method: Method::Post,
            url: String::new(),
            headers: HeaderList::default(),
            secret: None,
            body: RequestBody::default(),
            first_byte_timeout: Duration::MAX,
            idle_timeout: Duration::MAX,
        }
    }

    #[test]
    fn what_waits_is_woken_and_ends_in_an_error() {
        actix_rt::System::new().block_on(async {
            let cut = Cut::default();
            let answer = cut.through(Server(true)).send(request()).await;
            let mut body = answer.unwrap().body;
            let first = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await;
            assert_eq!(first.unwrap().unwrap(), "one");
            let silent = cut.through(Server(false));
            let (next, head, ()) = tokio::join!(
                poll_fn(|cx| Pin::new(&mut body).poll_next(cx)),
                silent.send(request()),
                async { cut.cut() },
            );
            assert!(matches!(next, Some(Err(UpstreamError::Broken(_)))));
            assert!(matches!(head, Err(UpstreamError::Broken(_))));
        });
    }
}
