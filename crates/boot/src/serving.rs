//! From the first request to the last.

mod cut;
mod offload;

use std::process::ExitCode;
use std::sync::Arc;

use actix_rt::time::sleep;
use llmgw_proxy::Live;

use crate::config::GatewaySection;
use crate::tasks::Tasks;
use crate::{Readiness, Running, Signals};

pub use cut::{Cut, CutUpstream};
pub use offload::BlockingPool;

/// Everything that runs.
#[derive(Debug)]
pub struct Serving {
    /// In the order in which they stop: the LLM API first, health last, so that it can be watched.
    pub servers: Vec<Running>,
    /// The work in the background.
    pub tasks: Tasks,
    /// Turns to no before anything stops.
    pub readiness: Arc<Readiness>,
    /// The requests that run.
    pub live: Arc<Live>,
    /// Ends the answers that are not over when the time to drain is.
    pub cut: Cut,
}

impl Serving {
    /// Serves until a signal, then lets requests end; a second signal ends it at once, and the journal keeps
    /// what is not yet in the ledger. Calls `greet` when it can serve for the first time.
    ///
    /// # Errors
    /// When the background work ended by itself.
    pub async fn until_stopped(
        mut self,
        settings: &GatewaySection,
        mut signals: Signals,
        greet: impl FnOnce(),
    ) -> Result<ExitCode, String> {
        let readiness = Arc::clone(&self.readiness);
        let greeting = async {
            readiness.can_serve().await;
            greet();
            std::future::pending::<()>().await;
        };
        let well = tokio::select! {
            _ = signals.next() => true,
            () = self.tasks.over() => false,
            () = greeting => true,
        };
        self.readiness.stop();
        if well {
            tracing::info!(running = self.live.len(), "stopping");
        } else {
            tracing::error!("the background work ended by itself: nothing is settled any more; stopping");
        }
        tokio::select! {
            stopped = self.stop(settings, well) => stopped.map(|()| ExitCode::SUCCESS),
            code = signals.next() => {
                tracing::warn!("ending at once; the journal keeps what is not yet in the ledger");
                Ok(ExitCode::from(code))
            }
        }
    }

    async fn stop(self, settings: &GatewaySection, well: bool) -> Result<(), String> {
        if well {
            // Whoever sends requests here may take this long to see that it is not ready.
            sleep(settings.linger.0).await;
        }
        let (live, cut) = (self.live, self.cut);
        let cutting = async {
            sleep(settings.drain.0).await;
            tracing::warn!(running = live.len(), "the time to drain is over; answers are cut");
            cut.cut();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = stop_all(self.servers) => {}
            () = cutting => {}
        }
        if well {
            self.tasks.stop().await
        } else {
            Err("the background work ended by itself; see the log".to_owned())
        }
    }
}

async fn stop_all(servers: Vec<Running>) {
    for server in servers {
        server.stop().await;
    }
}
