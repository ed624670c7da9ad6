//! From the first request to the last.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use actix_rt::time::sleep;
use llmgw_admin_http::Admin;
use llmgw_boot::{Metrics, Readiness, Signals, health_routes};
use llmgw_keys::AdminKey;
use llmgw_proxy::Services;

use crate::failure::Failure;
use crate::servers::{self, Listeners, Running};
use crate::settings::Settings;
use crate::tasks::Tasks;

/// Everything that runs.
pub(crate) struct Serving {
    // In the order in which they stop.
    servers: [Running; 3],
    tasks: Tasks,
    readiness: Arc<Readiness>,
    services: Arc<Services>,
}

impl Serving {
    /// Starts the servers. `tasks` run already; `admin` is the administration and what opens it.
    pub(crate) fn start(
        settings: &Settings,
        listeners: Listeners,
        services: Arc<Services>,
        admin: (Arc<Admin>, AdminKey),
        metrics: Arc<Metrics>,
        tasks: Tasks,
    ) -> Result<Self, String> {
        let readiness = Arc::new(Readiness::default());
        let servers = || -> io::Result<[Running; 3]> {
            let (admin, key) = admin;
            let told = Arc::clone(&readiness);
            Ok([
                servers::api(listeners.api, settings, &services)?,
                servers::small(listeners.admin, move |config| {
                    llmgw_admin_http::routes(Arc::clone(&admin), key.clone())(config);
                })?,
                servers::small(listeners.health, move |config| {
                    health_routes(Arc::clone(&told), Arc::clone(&metrics))(config);
                })?,
            ])
        };
        let servers = servers().map_err(|error| format!("cannot serve: {error}"))?;
        readiness.set(true);
        Ok(Self {
            servers,
            tasks,
            readiness,
            services,
        })
    }

    /// Serves until a signal, then lets requests end; a second signal ends it at once, and the journal keeps
    /// what is not yet in the ledger.
    pub(crate) async fn until_stopped(
        mut self,
        settings: &Settings,
        mut signals: Signals,
    ) -> Result<ExitCode, Failure> {
        let well = tokio::select! {
            _ = signals.next() => true,
            () = self.tasks.over() => false,
        };
        self.readiness.set(false);
        if well {
            tracing::info!(running = self.services.live.len(), "stopping");
        } else {
            tracing::error!("the background work ended by itself: nothing is settled any more; stopping");
        }
        tokio::select! {
            stopped = self.stop(settings, well) => Ok(stopped.map(|()| ExitCode::SUCCESS)?),
            code = signals.next() => {
                tracing::warn!("ending at once; the journal keeps what is not yet in the ledger");
                Ok(ExitCode::from(code))
            }
        }
    }

    async fn stop(self, settings: &Settings, well: bool) -> Result<(), String> {
        if well {
            // Whoever sends requests here may take this long to see that it is not ready.
            sleep(settings.gateway.linger.0).await;
        }
        for server in self.servers {
            server.stop().await;
        }
        if well {
            self.tasks.stop().await
        } else {
            Err("the background work ended by itself; see the log".to_owned())
        }
    }
}
