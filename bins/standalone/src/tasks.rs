//! The work in the background: settling, shipping, renewing, looking for changed models.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::{interval, sleep};
use llmgw_boot::Background;
use llmgw_boot::shipper::Shipper;
use llmgw_models::Catalog;
use llmgw_proxy::Services;
use llmgw_proxy::stage::settle::{Settlement, renew, settle};
use llmgw_upstream_awc::AwcUpstream;
use tokio::sync::{mpsc, watch};

use crate::wire::LEASE;

/// How long the last records may take to reach the ledger when stopping.
const FLUSH_WITHIN: Duration = Duration::from_secs(30);

/// How old the catalogue may be when another process changes models in the same folder.
const CATALOG_AGE: Duration = Duration::from_secs(1);

/// The background tasks, all on one thread: none of them computes much, and the workers need the cores.
pub(crate) struct Tasks {
    thread: Background,
    stop: watch::Sender<bool>,
}

impl Tasks {
    /// Starts them.
    pub(crate) fn start(
        services: Arc<Services>,
        connect_timeout: Duration,
        settlements: mpsc::Receiver<Settlement>,
        shipper: Shipper,
    ) -> Result<Self, String> {
        let (stop, mut stops) = watch::channel(false);
        let thread = Background::start("background", move || async move {
            let upstream = AwcUpstream::new(connect_timeout);
            let (stop_shipping, shipping_stops) = watch::channel(false);
            let settling = async {
                let stopping =
                    async { while !*stops.borrow_and_update() && stops.changed().await.is_ok() {} };
                settle(&services, &upstream, settlements, stopping).await;
                // Only now is the journal complete.
                let _ = stop_shipping.send(true);
            };
            let work = async { tokio::join!(settling, shipper.run(shipping_stops, FLUSH_WITHIN)) };
            tokio::select! {
                _ = work => {}
                () = keep_reservations(&services) => {}
                () = keep_catalog(&services.catalog) => {}
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

async fn keep_reservations(services: &Arc<Services>) {
    let mut turns = interval(LEASE / 3);
    loop {
        turns.tick().await;
        renew(services, LEASE).await;
    }
}

// News of a change may also be lost on the way to the catalogue.
async fn keep_catalog(catalog: &Catalog) {
    let mut stale = false;
    loop {
        sleep(CATALOG_AGE).await;
        let refreshed = catalog.refresh().await;
        if let (Err(error), false) = (&refreshed, stale) {
            tracing::warn!(%error, "models cannot be read; the catalogue stays as it is until they can");
        }
        stale = refreshed.is_err();
    }
}
