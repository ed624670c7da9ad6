//! The work in the background: settling, shipping, renewing, looking for changed models.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::{interval, sleep};
use llmgw_proxy::stage::settle::{Settlement, renew, settle};
use llmgw_proxy::{Services, Upstream};
use tokio::sync::{mpsc, watch};

use crate::shipper::Shipper;
use crate::{Background, Readiness};

/// How long the last records may take to reach the ledger when stopping.
const FLUSH_WITHIN: Duration = Duration::from_secs(30);

/// How old the catalogue may be when news of a change was lost.
const CATALOG_AGE: Duration = Duration::from_secs(1);

/// What the tasks work with.
pub struct Work {
    /// What requests work with.
    pub services: Arc<Services>,
    /// Told when there is a catalogue to serve from.
    pub readiness: Arc<Readiness>,
    /// What guards send.
    pub settlements: mpsc::Receiver<Settlement>,
    /// Takes records to the ledger.
    pub shipper: Shipper,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

/// The background tasks, all on one thread: none of them computes much, and the workers need the cores.
#[derive(Debug)]
pub struct Tasks {
    thread: Background,
    stop: watch::Sender<bool>,
}

impl Tasks {
    /// Starts them, and what `beside` makes, which must not end. `upstream` makes the client that asks
    /// tokenizers. Both are called on the thread of the tasks.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start<U: Upstream, F: Future<Output = ()>>(
        work: Work,
        upstream: impl FnOnce() -> U + Send + 'static,
        beside: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Self, String> {
        let (stop, stops) = watch::channel(false);
        let thread = Background::start("background", move || async move {
            let (services, readiness) = (Arc::clone(&work.services), Arc::clone(&work.readiness));
            let upstream = upstream();
            tokio::select! {
                () = settle_and_ship(work, &upstream, stops) => {}
                () = keep_reservations(&services) => {}
                () = keep_catalog(&services, &readiness) => {}
                () = beside() => {}
            }
        });
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self { thread, stop })
    }

    /// Waits until they are over, which only happens when one panicked. Nothing is settled then any more.
    pub(crate) async fn over(&mut self) {
        self.thread.over().await;
    }

    /// Settles what is left, ships it, and waits until that is done.
    pub(crate) async fn stop(self) -> Result<(), String> {
        let _ = self.stop.send(true);
        if self.thread.join().await {
            Ok(())
        } else {
            Err("a background task panicked; see the log".to_owned())
        }
    }
}

async fn settle_and_ship<U: Upstream>(work: Work, upstream: &U, mut stops: watch::Receiver<bool>) {
    let Work {
        services,
        settlements,
        shipper,
        ..
    } = work;
    let (stop_shipping, shipping_stops) = watch::channel(false);
    let settling = async {
        let stopping = async { while !*stops.borrow_and_update() && stops.changed().await.is_ok() {} };
        settle(&services, upstream, settlements, stopping).await;
        // Only now is the journal complete.
        let _ = stop_shipping.send(true);
    };
    tokio::join!(settling, shipper.run(shipping_stops, FLUSH_WITHIN));
}

async fn keep_reservations(services: &Arc<Services>) {
    let lease = services.settings.lease;
    let mut turns = interval(lease / 3);
    loop {
        turns.tick().await;
        renew(services, lease).await;
    }
}

// News of a change may also be lost on the way to the catalogue.
async fn keep_catalog(services: &Services, readiness: &Readiness) {
    let mut stale = false;
    loop {
        sleep(CATALOG_AGE).await;
        let refreshed = match services.limits.refresh().await {
            Ok(()) => services.catalog.refresh().await,
            Err(error) => Err(error),
        };
        match &refreshed {
            Ok(()) => readiness.allow(),
            Err(error) if !stale => {
                tracing::warn!(%error, "models and limits cannot be read; they stay as they are until they can");
            }
            Err(_) => {}
        }
        stale = refreshed.is_err();
    }
}
