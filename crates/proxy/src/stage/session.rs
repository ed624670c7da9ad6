//! The way of a session, which is a WebSocket. Its head goes through the stages like that of any request without a
//! body, and has a record like any. What follows are many answers: each is admitted when it begins, noted and settled
//! for itself, so that a session of hours is counted and limited as exactly as requests are.

mod turn;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use llmgw_keys::Grant;
use llmgw_models::{Served, Stop};
use llmgw_types::{Event, SecretString, Timestamp, TokenUsage};
use llmgw_usage::admission::RuleState;
use llmgw_usage::ledger::End;

use self::turn::Turn;
use super::admit::{Admitted, admit, admit_anyway};
use super::authenticate::{Authenticated, RequestHead, authenticate, grant};
use super::forward::{failure_status, headers, may_be_tried_again, warn};
use super::intake::Parsed;
use super::resolve::{Routed, find, resolve, serves};
use crate::buffers::Held;
use crate::guard::Guard;
use crate::peek::{Named, Peeked};
use crate::reported::Told;
use crate::running::SWITCHING_PROTOCOLS;
use crate::slots::Slot;
use crate::{HeaderList, ProxyError, RequestBody, Route, Services, Socket, Sockets, UpstreamRequest, query};

/// A session that has begun.
#[derive(Debug)]
pub struct Opened<I, O> {
    /// The socket to the model server.
    pub socket: Socket<I, O>,
    /// What is counted and limited of it.
    pub session: Session,
    /// How far each limit is used up, the reservation of the handshake included.
    pub limits: Vec<RuleState>,
    /// When that was.
    pub admitted_at: Timestamp,
}

/// What is counted and limited of a socket. Dropping it settles an answer that is not done as `client_gone`.
pub struct Session {
    turn: Turn,
    // Of the turn, once it has begun.
    guard: Option<Guard>,
    // Tokens of the last answer: the next one has them in its prompt.
    context: u64,
    access: Access,
    grant: Arc<Grant>,
    served: Arc<Served>,
    stop: Stop,
    client_request_id: Option<String>,
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
        serves(&*find(services, &grant, &self.model)?, self.route.endpoint)
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
    let (grant, served) = (
        Arc::clone(&routed.parsed.request.grant),
        Arc::clone(&routed.served),
    );
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
    take(&mut guard, &stop);
    let nothing = Told {
        tokens: Some(TokenUsage::default()),
        seconds: None,
    };
    guard.saw(nothing, 0);
    guard.settle(services, End::Complete).await;
    let model = served.model.id.as_str().to_owned();
    let session = Session {
        turn: Turn::default(),
        guard: None,
        context: 0,
        access: Access { key, model, route },
        grant,
        served,
        stop,
        client_request_id,
        _slot: slot,
    };
    Ok(Opened {
        socket,
        session,
        limits,
        admitted_at: admitted_at.unwrap_or_default(),
    })
}

// From here on it is known where it is.
fn take(guard: &mut Guard, stop: &Stop) {
    if let Some(running) = guard.running() {
        running.sent_to(stop);
        running.status = SWITCHING_PROTOCOLS;
    }
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
                warn(admitted, &stop, &error);
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
    pub fn idle(&self) -> Duration {
        self.served.model.timeouts.idle()
    }

    /// Reads an event of the model server: one whole message of text. What it means is not in the books before
    /// [`book`](Self::book).
    pub fn saw(&mut self, event: &[u8]) {
        self.turn.saw(event);
    }

    /// Books what was seen: admits an answer that has begun, settles one that is done. To be called before the bytes
    /// are passed on.
    ///
    /// # Errors
    /// Every reason for which a request of its own would not be admitted now. The session must end then; the answer
    /// that has begun is charged nevertheless.
    pub async fn book(&mut self, services: &Arc<Services>) -> Result<(), ProxyError> {
        let mut booked = Ok(());
        if self.turn.has_begun() && self.guard.is_none() {
            booked = self.begin(services).await;
        }
        let Some(tokens) = self.turn.ended() else {
            if let Some(guard) = &mut self.guard {
                guard.saw(Told::default(), self.turn.completion());
            }
            return booked;
        };
        if let Some(mut guard) = self.guard.take() {
            let told = Told {
                tokens,
                seconds: None,
            };
            guard.saw(told, self.turn.completion());
            guard.settle(services, End::Complete).await;
        }
        self.context = self.turn.context().unwrap_or(self.context);
        self.turn = Turn::default();
        booked
    }

    async fn begin(&mut self, services: &Arc<Services>) -> Result<(), ProxyError> {
        let admitted = match self.resolved(services).await {
            Ok(routed) => admit(services, routed).await,
            Err(error) => Err(error),
        };
        let (admitted, refusal) = match admitted {
            Ok(admitted) => (admitted, Ok(())),
            Err(refusal) => {
                let routed = Routed {
                    parsed: self.parsed(services, Arc::clone(&self.grant)),
                    served: Arc::clone(&self.served),
                    stops: vec![self.stop.clone()],
                };
                (admit_anyway(services, routed).await?, Err(refusal))
            }
        };
        services.observer.observe(&Event::RequestStarted);
        let mut guard = admitted.guard;
        take(&mut guard, &self.stop);
        self.guard = Some(guard);
        refusal
    }

    // As a request that comes now, for the target that has the session.
    async fn resolved(&mut self, services: &Arc<Services>) -> Result<Routed, ProxyError> {
        self.grant = grant(services, self.access.key.as_ref(), None).await?;
        let mut routed = resolve(services, self.parsed(services, Arc::clone(&self.grant))).await?;
        let same =
            |stop: &Stop| stop.target.base_url == self.stop.target.base_url && stop.model == self.stop.model;
        routed.stops.retain(same);
        if routed.stops.is_empty() {
            return Err(ProxyError::NoTarget(self.access.model.clone()));
        }
        self.served = Arc::clone(&routed.served);
        Ok(routed)
    }

    fn parsed(&self, services: &Services, grant: Arc<Grant>) -> Parsed {
        let head = RequestHead {
            route: self.access.route,
            answer: None,
            query: None,
            key: None,
            origin: None,
            content_type: None,
            content_encoding: None,
            content_length: None,
            headers: HeaderList::new(),
            id: RequestHead::new_id(services),
            client_request_id: self.client_request_id.clone(),
            started: services.clock.monotonic(),
        };
        let head = Box::new(head);
        let request = Authenticated { head, grant };
        without_body(services, request, Some(self.access.model.clone()), self.context)
    }

    /// Ends it, once: later calls change nothing. An answer that is not done is charged by what was seen of it.
    pub fn end(&mut self, end: End) {
        if let Some(mut guard) = self.guard.take() {
            guard.finish(end);
        }
        self.turn = Turn::default();
    }
}
