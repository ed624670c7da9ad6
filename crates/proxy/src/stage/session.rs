//! The way of a session, which is a WebSocket. Its head goes through the stages like that of any request without a
//! body. What follows are many answers: each is a turn that is admitted, noted and settled for itself, so that a
//! session of hours is counted and limited as exactly as requests are.

mod turn;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use llmgw_models::Stop;
use llmgw_types::{Event, SecretString, Timestamp, TokenUsage};
use llmgw_usage::admission::RuleState;
use llmgw_usage::ledger::End;

use self::turn::Turn;
use super::admit::{Admitted, admit};
use super::authenticate::{Authenticated, RequestHead, authenticate, grant};
use super::forward::{chain, failure_status, headers, may_be_tried_again};
use super::intake::Parsed;
use super::resolve::{find, resolve};
use crate::buffers::Held;
use crate::guard::Guard;
use crate::peek::{Named, Peeked};
use crate::reported::Told;
use crate::running::SWITCHING_PROTOCOLS;
use crate::slots::Slot;
use crate::{HeaderList, ProxyError, RequestBody, Route, Services, Socket, Sockets, UpstreamRequest, query};

const NOTHING: Told = Told {
    tokens: Some(TokenUsage {
        prompt: 0,
        cached: 0,
        completion: 0,
        reasoning: 0,
    }),
    seconds: None,
};

/// A session that has begun.
#[derive(Debug)]
pub struct Opened<I, O> {
    /// The socket to the model server.
    pub socket: Socket<I, O>,
    /// What is counted and limited of it.
    pub session: Session,
    /// How far each limit is used up, this session's reservation included.
    pub limits: Vec<RuleState>,
    /// When that was.
    pub admitted_at: Timestamp,
}

/// What is counted and limited of a socket. Dropping it settles the turn that runs as `client_gone`.
pub struct Session {
    guard: Guard,
    turn: Turn,
    // Tokens of the last turn: the next one has them in its prompt.
    context: u64,
    access: Access,
    stop: Stop,
    client_request_id: Option<String>,
    idle: Duration,
    // Given back when the session is over.
    _slot: Option<Slot>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

/// By what right a session goes on.
#[derive(Debug, Clone)]
pub struct Access {
    key: Option<SecretString>,
    model: String,
    route: Route,
}

impl Access {
    /// Whether the session may still go on: its key may be used, and may use its model.
    ///
    /// # Errors
    /// [`ProxyError::Key`], [`ProxyError::UnknownModel`], [`ProxyError::OutOfScope`] or [`ProxyError::NotServed`]
    /// when it may not; [`ProxyError::Store`] when that could not be looked up.
    pub async fn check(&self, services: &Services) -> Result<(), ProxyError> {
        let grant = grant(services, self.key.as_ref(), None).await?;
        let served = find(services, &grant, &self.model)?;
        let endpoint = self.route.endpoint;
        if served.model.serves(endpoint) {
            return Ok(());
        }
        Err(ProxyError::NotServed {
            model: self.model.clone(),
            endpoint,
        })
    }
}

/// Takes the head of a request to its socket.
///
/// # Errors
/// As for [`answer`](crate::answer).
pub async fn open<U: Sockets>(
    services: &Arc<Services>,
    upstream: &U,
    head: RequestHead,
    protocols: Option<&str>,
) -> Result<Opened<U::Incoming, U::Outgoing>, ProxyError> {
    let request = authenticate(services, head).await?;
    let named = request.head.query.as_deref().map_or(Ok(None), query::model)?;
    let (route, key) = (request.head.route, request.head.key.clone());
    let client_request_id = request.head.client_request_id.clone();
    let routed = resolve(services, without_body(services, request, named, 0)).await?;
    let access = Access {
        key,
        model: routed.served.model.id.as_str().to_owned(),
        route,
    };
    let idle = routed.served.model.timeouts.idle();
    let mut admitted = admit(services, routed).await?;
    services.observer.observe(&Event::RequestStarted);
    let connected = connect(services, upstream, &mut admitted, protocols).await;
    let Admitted {
        mut guard, limits, ..
    } = admitted;
    let (socket, stop, slot) = match connected {
        Ok(connected) => connected,
        Err(error) => {
            guard.fail(failure_status(&error));
            return Err(error);
        }
    };
    let admitted_at = guard.running().map(|running| running.admitted_at);
    let mut session = Session {
        guard,
        turn: Turn::default(),
        context: 0,
        access,
        stop,
        client_request_id,
        idle,
        _slot: slot,
    };
    session.begin();
    Ok(Opened {
        socket,
        session,
        limits,
        admitted_at: admitted_at.unwrap_or_default(),
    })
}

fn without_body(services: &Services, request: Authenticated, model: Option<String>, context: u64) -> Parsed {
    let named = |name| Named {
        name,
        at: 0..0,
        json: false,
    };
    Parsed {
        request,
        body: Arc::new(Held::new(Bytes::new(), services.buffers.room())),
        peeked: Peeked {
            model: model.map(named),
            stream: true,
            ..Peeked::default()
        },
        prompt_estimate: context,
    }
}

type Connected<U> = (
    Socket<<U as Sockets>::Incoming, <U as Sockets>::Outgoing>,
    Stop,
    Option<Slot>,
);

async fn connect<U: Sockets>(
    services: &Services,
    upstream: &U,
    admitted: &mut Admitted,
    protocols: Option<&str>,
) -> Result<Connected<U>, ProxyError> {
    let mut failed = ProxyError::TargetsFull;
    for stop in std::mem::take(&mut admitted.stops) {
        let Some(slot) = services.slots.take(&stop.target) else {
            continue;
        };
        match ask(services, upstream, admitted, &stop, protocols).await {
            Ok(socket) => return Ok((socket, stop, slot)),
            Err(error) => {
                let id = admitted.guard.running().map(|running| running.id.to_string());
                tracing::warn!(request.id = id, target.id = %stop.target.id, error = %chain(&error), "target failed");
                let again = may_be_tried_again(&error);
                failed = error;
                if !again {
                    break;
                }
            }
        }
    }
    Err(failed)
}

async fn ask<U: Sockets>(
    services: &Services,
    upstream: &U,
    admitted: &mut Admitted,
    stop: &Stop,
    protocols: Option<&str>,
) -> Result<Socket<U::Incoming, U::Outgoing>, ProxyError> {
    let Some(running) = admitted.guard.running() else {
        return Err(ProxyError::Busy);
    };
    running.sent_to(stop);
    let timeouts = &running.served.model.timeouts;
    let path = query::with_model(&admitted.path, &stop.model);
    let request = UpstreamRequest {
        method: running.route.method,
        url: format!("{}{path}", stop.target.base_url),
        headers: headers(&admitted.headers, &running.id.to_string()),
        secret: services.secrets.resolve(&stop.target).await?,
        body: RequestBody::default(),
        first_byte_timeout: timeouts.first_byte(),
        idle_timeout: timeouts.idle(),
    };
    let opened = upstream.open(request, protocols).await;
    opened.map_err(ProxyError::Upstream)
}

impl Session {
    /// By what right it goes on.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access.clone()
    }

    /// How long nothing may pass, either way.
    #[must_use]
    pub const fn idle(&self) -> Duration {
        self.idle
    }

    /// Reads an event of the model server: one whole message of text.
    pub fn saw(&mut self, event: &[u8]) {
        let waited = !self.turn.is_answering();
        self.turn.saw(event);
        if self.turn.is_answering() {
            self.guard.saw(Told::default(), self.turn.completion());
            if waited && let Some(running) = self.guard.running() {
                running.note_progress(false);
            }
        }
    }

    /// Settles the turn, if what was seen ended it. Then nothing may pass but what came with that end, until there
    /// is a [next one](Self::next_turn).
    pub fn settle(&mut self) -> bool {
        let Some(tokens) = self.turn.ended() else {
            return false;
        };
        let told = Told {
            tokens,
            seconds: None,
        };
        self.guard.saw(told, self.turn.completion());
        self.guard.finish(End::Complete);
        self.context = tokens.map_or(0, |tokens| tokens.total());
        true
    }

    /// Admits another turn.
    ///
    /// # Errors
    /// Every reason for which a request of its own would not be admitted now. The session must end then.
    pub async fn next_turn(&mut self, services: &Arc<Services>) -> Result<(), ProxyError> {
        let Access { key, model, route } = self.access.clone();
        let head = RequestHead {
            route,
            answer: None,
            query: None,
            key,
            origin: None,
            content_type: None,
            content_encoding: None,
            content_length: None,
            headers: HeaderList::new(),
            id: RequestHead::new_id(services),
            client_request_id: self.client_request_id.clone(),
            started: services.clock.monotonic(),
        };
        let request = authenticate(services, head).await?;
        let parsed = without_body(services, request, Some(model), self.context);
        let mut routed = resolve(services, parsed).await?;
        routed.stops = vec![self.stop.clone()];
        self.guard = admit(services, routed).await?.guard;
        services.observer.observe(&Event::RequestStarted);
        self.turn.next();
        self.begin();
        Ok(())
    }

    /// Ends it, once: later calls change nothing. An answer that is not there to its end is charged by what was
    /// seen of it.
    pub fn end(&mut self, end: End) {
        let end = match end {
            End::Complete if self.turn.is_answering() => End::ClientGone,
            end => end,
        };
        self.guard.finish(end);
    }

    // Until an answer begins it takes nothing.
    fn begin(&mut self) {
        if let Some(running) = self.guard.running() {
            running.sent_to(&self.stop);
            running.status = SWITCHING_PROTOCOLS;
            running.saw(NOTHING, 0);
        }
    }
}
