//! Settings that make sense: what can be found out without touching the network.

use std::sync::Arc;

use llmgw_boot::Failure;
use llmgw_boot::config::Fault;
use llmgw_keys::Pepper;
use llmgw_models::AllowedTargets;
use llmgw_secrets_seal::Seal;
use llmgw_store_redis::RedisStore;
use llmgw_stores::{Lasting, peppers, redis, sealing};
use llmgw_types::SecretString;
use llmgw_usage::admission::Calendar;

use crate::settings::{Loaded, Settings};

/// What the settings come to.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The newest first.
    pub(crate) peppers: Vec<Pepper>,
    /// The default upstream secret.
    pub(crate) upstream: Option<SecretString>,
    pub(crate) lasting: Lasting,
    /// Not yet asked anything.
    pub(crate) redis: RedisStore,
    /// Of limits.
    pub(crate) calendar: Calendar,
    /// Where targets may be.
    pub(crate) allowed: Arc<AllowedTargets>,
    /// Opens sealed secrets.
    pub(crate) seal: Option<Arc<Seal>>,
}

impl Checked {
    /// Looks at everything; names the first fault and the layer it came from.
    pub(crate) fn check(loaded: &Loaded) -> Result<Self, Failure> {
        Self::of(&loaded.settings).map_err(|fault| loaded.layers.blame(&fault).into())
    }

    fn of(settings: &Settings) -> Result<Self, Fault> {
        check_gateway(settings)?;
        check_folders(settings)?;
        Ok(Self {
            peppers: peppers(&settings.keys)?,
            upstream: settings.upstream.secret()?,
            lasting: Lasting::of(&settings.store, &settings.mongo, &settings.reports)?,
            redis: redis(&settings.redis)?,
            allowed: Arc::new(settings.upstream.allowed()?),
            seal: sealing(&settings.secrets)?,
            calendar: Calendar::named(&settings.limits.timezone.0)
                .map_err(|error| Fault::new("limits.timezone", error.to_string()))?,
        })
    }
}

fn check_gateway(settings: &Settings) -> Result<(), Fault> {
    let gateway = &settings.gateway;
    if gateway.listen == gateway.health_listen && gateway.listen.port() != 0 {
        let what = format!(
            "{} is gateway.listen as well; choose another port",
            gateway.listen
        );
        return Err(Fault::new("gateway.health_listen", what));
    }
    if gateway.max_in_flight == 0 {
        let what = "no request could run; set it to 1 or more";
        return Err(Fault::new("gateway.max_in_flight", what));
    }
    if gateway.max_body.0 > gateway.max_buffered.0 {
        let what = "the longest body would not fit into gateway.max_buffered; make this less, or that more";
        return Err(Fault::new("gateway.max_body", what));
    }
    Ok(())
}

// The journal's is made where it is missing; secrets are there or forgotten.
fn check_folders(settings: &Settings) -> Result<(), Fault> {
    let journal = settings.journal_dir();
    if journal.exists() && !journal.is_dir() {
        let what = format!("{} is not a folder; name one", journal.display());
        return Err(Fault::new("journal.dir", what));
    }
    match &settings.secrets.dir {
        Some(dir) if !dir.is_dir() => {
            let what = format!("there is no folder {}; make it, or leave this out", dir.display());
            Err(Fault::new("secrets.dir", what))
        }
        _ => Ok(()),
    }
}
