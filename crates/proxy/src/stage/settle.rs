//! Stage 7: what a request really took. Settlements arrive from guards, one each, and are settled here in
//! batches; what no model server reported is counted first.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use llmgw_types::{Event, RequestId, TokenSource, TokenUsage};
use llmgw_usage::admission::Settled;
use llmgw_usage::ledger::{End, UsageRecord};
use llmgw_usage::settled;
use tokio::sync::mpsc;

use crate::guard::Running;
use crate::{Services, Upstream, count};

const BATCH: usize = 256;

/// A request that is over. Its guard sent it.
pub struct Settlement {
    pub(crate) running: Box<Running>,
    pub(crate) outcome: Outcome,
}

impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settlement").field("id", &self.running.id).finish_non_exhaustive()
    }
}

/// How far a request came.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It ended while it was being reserved, or could not be noted: given back.
    Reserving,
    /// It runs.
    Open,
    /// It ended, and the journal has its record.
    Closed(UsageRecord),
    /// It ended well, and nobody said how many tokens it took.
    Uncounted,
}

/// Settles until `stop` is over and every request that was admitted before is settled. No request is admitted
/// after `stop`.
pub async fn settle<U: Upstream>(
    services: &Services,
    upstream: &U,
    mut from: mpsc::Receiver<Settlement>,
    stop: impl Future<Output = ()>,
) {
    let mut stop = pin!(stop);
    let mut stopping = false;
    let mut counting = FuturesUnordered::new();
    let mut arrived = Vec::with_capacity(BATCH);
    let mut done = Vec::with_capacity(BATCH);
    let mut open = true;
    while open || !counting.is_empty() {
        tokio::select! {
            count = from.recv_many(&mut arrived, BATCH), if open => open = count > 0,
            () = &mut stop, if !stopping => {
                stopping = true;
                from.close();
            }
            Some(counted) = counting.next(), if !counting.is_empty() => done.push(counted),
        }
        for Settlement { running, outcome } in arrived.drain(..) {
            match outcome {
                Outcome::Closed(record) => done.push(over(services, &running, record)),
                Outcome::Uncounted => counting.push(count_up(services, upstream, running)),
                Outcome::Reserving | Outcome::Open => release(services, running.id).await,
            }
        }
        charge(services, &mut done).await;
    }
}

async fn charge(services: &Services, done: &mut Vec<Settled>) {
    if done.is_empty() {
        return;
    }
    // The shipper settles each record again from the journal: nothing is lost when this fails.
    if let Err(error) = services.admission.settle(services.clock.now(), done).await {
        tracing::warn!(%error, "limits were not settled; the journal will settle them");
    }
    for settled in done.drain(..) {
        services.live.remove(settled.id);
    }
}

async fn release(services: &Services, id: RequestId) {
    services.live.remove(id);
    if let Err(error) = services.admission.release(services.clock.now(), id).await {
        tracing::warn!(request.id = %id, %error, "a reservation was not released; its lease will end");
    }
}

async fn count_up<U: Upstream>(services: &Services, upstream: &U, running: Box<Running>) -> Settled {
    let counted = count::prompt_tokens(services, upstream, &running).await;
    let source = if counted.is_some() { TokenSource::Counted } else { TokenSource::Estimated };
    let tokens = TokenUsage {
        prompt: counted.unwrap_or(running.prompt_estimate),
        completion: running.sight.seen,
        ..TokenUsage::default()
    };
    let record = running.record(End::Complete, tokens, source);
    if let Some(entry) = &running.entry {
        entry.close(&record);
    }
    over(services, &running, record)
}

fn over(services: &Services, running: &Running, record: UsageRecord) -> Settled {
    services.observer.observe(&Event::RequestEnded {
        model: record.model.as_str(),
        endpoint: record.endpoint.as_str(),
        end: record.end.as_str(),
        status: record.status,
        duration: running.duration(),
        time_to_first_byte: running.time_to_first_byte(),
        tokens: record.tokens,
    });
    tracing::info!(
        request.id = %record.id,
        request.client_id = running.client_request_id,
        key.id = %record.key,
        user.id = %record.user,
        model.id = %record.model,
        target.id = record.target.as_ref().map(tracing::field::display),
        endpoint = record.endpoint.as_str(),
        status = record.status,
        end = record.end.as_str(),
        tokens.prompt = record.tokens.prompt,
        tokens.completion = record.tokens.completion,
        source = record.source.as_str(),
        duration_ms = record.duration_ms,
        "request"
    );
    settled(&record)
}

/// Keeps the reservations of running requests alive; call it every third of their lease.
pub async fn renew(services: &Arc<Services>, lease: Duration) {
    let ids = services.live.ids();
    if ids.is_empty() {
        return;
    }
    if let Err(error) = services.admission.renew(services.clock.now(), &ids, lease).await {
        tracing::warn!(%error, "reservations were not renewed");
    }
}
