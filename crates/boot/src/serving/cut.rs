//! Ends answers whose time is over, as if their model servers had broken off: the stages then do what they do for
//! such an answer, so that a stream ends in an error event and the request is settled.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;
use llmgw_proxy::{Socket, Sockets, Upstream, UpstreamAnswer, UpstreamError, UpstreamRequest};
use tokio::sync::Notify;

/// Cuts everything that goes through its [`CutUpstream`]s.
#[derive(Debug, Clone, Default)]
pub struct Cut(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    over: bool,
    states: Vec<Arc<State>>,
}

/// That of one upstream, and so of one worker: what all of them shared, each request would take out of the others'
/// caches.
#[derive(Debug, Default)]
struct State {
    // Read for each piece of an answer, without a lock.
    over: AtomicBool,
    // Wakes whoever waits.
    told: Notify,
}

impl Cut {
    /// Cuts. What comes later is cut as well.
    pub fn cut(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.over = true;
        for state in &known.states {
            state.over.store(true, Ordering::SeqCst);
            state.told.notify_waiters();
        }
    }

    /// `inner`, until it is cut.
    #[must_use]
    pub fn through<U>(&self, inner: U) -> CutUpstream<U> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = Arc::new(State {
            over: AtomicBool::new(known.over),
            told: Notify::new(),
        });
        known.states.push(Arc::clone(&state));
        CutUpstream { inner, state }
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

async fn is_cut(state: &State) {
    // It is told of what comes after it was made, so that nothing falls between the look and the wait.
    let told = state.told.notified();
    if !state.over.load(Ordering::SeqCst) {
        told.await;
    }
}

impl<U: Upstream> Upstream for CutUpstream<U> {
    type Body = CutBody<U::Body>;

    async fn send(&self, request: UpstreamRequest) -> Result<UpstreamAnswer<Self::Body>, UpstreamError> {
        let answer = tokio::select! {
            biased;
            answer = self.inner.send(request) => answer?,
            () = is_cut(&self.state) => return Err(stopping()),
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
            () = is_cut(&self.state) => return Err(stopping()),
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
        let cut = this.cut.get_or_insert_with(|| {
            let state = Arc::clone(state);
            Box::pin(async move { is_cut(&state).await })
        });
        cut.as_mut().poll(cx).map(|()| Some(Err(stopping())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::poll_fn;
    use std::time::Duration;

    use actix_rt::time::timeout;
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

    async fn cut_what_waits() {
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
        // What begins afterwards is cut as well, by an upstream of before and by one of after.
        for late in [silent, cut.through(Server(false))] {
            assert!(late.send(request()).await.is_err());
        }
    }

    #[test]
    fn what_waits_is_woken_and_ends_in_an_error() {
        let all = async { timeout(Duration::from_secs(5), cut_what_waits()).await };
        actix_rt::System::new().block_on(all).unwrap();
    }
}
