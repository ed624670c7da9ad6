//! Stage 7: what a request really took. Most requests are settled by their guards, which tell journal and limits
//! before the last byte goes to the client. What has to wait is done here: stores on a network, counting what no
//! model server reported, giving back what was never admitted.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use llmgw_types::{RequestId, TokenSource, TokenUsage};
use llmgw_usage::ledger::{End, UsageRecord};
use llmgw_usage::settled;
use tokio::sync::mpsc;

use crate::running::Running;
use crate::{Services, Upstream, count};

const BATCH: usize = 256;

/// Prompts that are counted at once; more would be a load on model servers that nobody asked for.
const MOST_COUNTED: usize = 16;

/// What is left to do for a request that is over. Its guard sent it.
pub struct Settlement(pub(crate) Left);

/// What is left to do.
pub(crate) enum Left {
    /// The journal has its record, and limits must be told.
    Charge(Box<Running>, UsageRecord),
    /// It ended well, and nobody said how many tokens it took.
    Count(Box<Running>),
    /// It was never admitted: what it may have reserved is given back.
    Release(RequestId),
}

impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, id) = match &self.0 {
            Left::Charge(running, _) => ("Charge", running.id),
            Left::Count(running) => ("Count", running.id),
            Left::Release(id) => ("Release", *id),
        };
        f.debug_tuple(what).field(&id).finish()
    }
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
            Some(counted) = counting.next(), if !counting.is_empty() => done.extend(counted),
        }
        for Settlement(left) in arrived.drain(..) {
            match left {
                Left::Charge(running, record) => done.push((running, record)),
                Left::Count(running) if counting.len() < MOST_COUNTED => {
                    counting.push(count_up(services, upstream, running));
                }
                Left::Count(running) => done.extend(close(running, None)),
                Left::Release(id) => release(services, id).await,
            }
        }
        charge(services, &mut done).await;
    }
}

type Ended = (Box<Running>, UsageRecord);

async fn charge(services: &Services, ended: &mut Vec<Ended>) {
    if ended.is_empty() {
        return;
    }
    let charges: Vec<_> = ended.iter().map(|(_, record)| settled(record)).collect();
    // The shipper settles each record again from the journal: nothing is lost when this fails.
    if let Err(error) = services.admission.settle(services.clock.now(), &charges).await {
        tracing::warn!(%error, "limits were not settled; the journal will settle them");
    }
    for (running, record) in ended.drain(..) {
        running.over(&record);
    }
}

async fn release(services: &Services, id: RequestId) {
    services.live.remove(id);
    if let Err(error) = services.admission.release(services.clock.now(), id).await {
        tracing::warn!(request.id = %id, %error, "a reservation was not released; its lease will end");
    }
}

async fn count_up<U: Upstream>(services: &Services, upstream: &U, running: Box<Running>) -> Option<Ended> {
    let counted = count::prompt_tokens(services, upstream, &running).await;
    close(running, counted)
}

/// Closes a request whose prompt was counted, or must be estimated. Gives it back where the limits have to wait.
fn close(running: Box<Running>, counted: Option<(u64, TokenSource)>) -> Option<Ended> {
    let (prompt, source) = match counted {
        Some((prompt, source)) if !running.is_told_in_part() => (prompt, source),
        Some((prompt, _)) => (prompt, TokenSource::Estimated),
        None => (running.prompt_estimate, TokenSource::Estimated),
    };
    let tokens = TokenUsage {
        prompt,
        completion: running.completion(),
        ..TokenUsage::default()
    };
    let record = running.record(End::Complete, tokens, source);
    if !running.close(&record) {
        return Some((running, record));
    }
    running.over(&record);
    None
}

/// Keeps the reservations of running requests alive, and puts back those that were lost; call it every third of
/// their lease.
pub async fn renew(services: &Arc<Services>, lease: Duration) {
    let ids = services.live.ids();
    if ids.is_empty() {
        return;
    }
    let (admission, now) = (&services.admission, services.clock.now());
    let renewed = match admission.renew(now, &ids, lease).await {
        // Most of what is not live there has ended meanwhile.
        Ok(away) => match services.live.reservations(&away) {
            lost if lost.is_empty() => Ok(()),
            lost => admission.restore(now, &lost, lease).await,
        },
        Err(error) => Err(error),
    };
    if let Err(error) = renewed {
        tracing::warn!(%error, "reservations were not renewed");
    }
}
