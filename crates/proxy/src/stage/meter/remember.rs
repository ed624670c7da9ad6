//! Remembers which target keeps an answer, before the client hears its id.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use llmgw_models::AnswerPlace;
use llmgw_types::UserId;

use crate::endpoint::Keeps;
use crate::peek::Peeked;
use crate::running::Running;
use crate::{AnswerId, Services};

type Putting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits for the id of one answer, and then for it to be remembered.
pub(super) struct Remember {
    services: Arc<Services>,
    user: UserId,
    place: AnswerPlace,
    // What is being remembered, and the bytes that wait for it.
    putting: Option<(Putting, Bytes)>,
}

impl Remember {
    /// For the answer to `running`, where it will be kept.
    pub(super) fn of(running: &Running, peeked: &Peeked) -> Option<Self> {
        let kept = match running.route.keeps {
            Keeps::No => false,
            Keeps::IfAsked => peeked.store == Some(true),
            Keeps::UnlessAsked => peeked.store != Some(false),
        };
        if !kept {
            return None;
        }
        Some(Self {
            services: running.services(),
            user: running.grant.principal.user,
            place: running.place()?,
            putting: None,
        })
    }

    /// The answer has the id `id`, which `bytes` tell the client.
    pub(super) fn begin(&mut self, id: &str, bytes: Bytes) {
        let put = put(
            Arc::clone(&self.services),
            self.user,
            AnswerId::parse(id),
            self.place.clone(),
        );
        self.putting = Some((Box::pin(put), bytes));
    }

    /// The bytes that waited, when they need not any more; at once where none do.
    pub(super) fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some((putting, bytes)) = &mut self.putting else {
            return Poll::Ready(None);
        };
        ready!(putting.as_mut().poll(cx));
        let bytes = std::mem::take(bytes);
        self.putting = None;
        Poll::Ready(Some(bytes))
    }
}

async fn put(services: Arc<Services>, user: UserId, id: Option<AnswerId>, place: AnswerPlace) {
    // One that could not stand in a path cannot be asked for.
    let Some(id) = id else { return };
    let now = services.clock.now();
    let until = now.plus(services.settings.answers_kept);
    if let Err(error) = services.answers.put(user, id.as_str(), &place, until, now).await {
        tracing::warn!(%error, "where an answer is kept is not remembered; it cannot be asked for again");
    }
}
