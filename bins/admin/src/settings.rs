//! The settings of this binary.

use std::path::{Path, PathBuf};
use std::time::Duration;

use llmgw_boot::config::{
    AdminSection, ConfigError, Fault, KeysSection, Layers, LimitsSection, LogSection, MongoSection,
    RedisSection, ReportsSection, SecretsSection, StoreKind, StoreSection, UpstreamSection,
};
use llmgw_boot::{Failure, LogGuard};
use serde::{Deserialize, Serialize};

use crate::args::{Args, Command};

/// Sections of the services, which may stand in the same file.
const OF_OTHERS: [&str; 4] = ["gateway", "journal", "portal", "saml"];

/// Everything that can be set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) admin: AdminSection,
    pub(crate) store: StoreSection,
    pub(crate) mongo: MongoSection,
    pub(crate) redis: RedisSection,
    pub(crate) keys: KeysSection,
    pub(crate) limits: LimitsSection,
    pub(crate) upstream: UpstreamSection,
    pub(crate) reports: ReportsSection,
    pub(crate) secrets: SecretsSection,
    pub(crate) log: LogSection,
}

impl Settings {
    /// How long the ledger keeps events; for ever where it does not say.
    pub(crate) fn retention(&self) -> Option<Duration> {
        match self.store.kind {
            StoreKind::Mongo => self.mongo.retention.0,
            StoreKind::Sqlite => None,
        }
    }
}

/// The settings, and the layers they came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) layers: Layers,
}

impl Loaded {
    /// The settings from all layers.
    pub(crate) fn load(args: &Args) -> Result<Self, Failure> {
        let layers = Layers::over(&Settings::default()).passing_over(&OF_OTHERS);
        let layers = match &args.config {
            Some(file) => layers.file(file),
            None => layers,
        };
        let layers = match &args.data {
            Some(dir) => in_data_folder(layers.environment(), dir)?,
            None => layers.environment(),
        };
        let layers = match &args.command {
            Command::Serve(serve) => layers.flag("--listen", "admin.listen", serve.listen).flag(
                "--health-listen",
                "admin.health_listen",
                serve.health_listen,
            ),
            _ => layers,
        };
        let settings = layers.read()?;
        Ok(Self { settings, layers })
    }

    /// Starts the log, which is written until the guard is dropped. What comes before is not logged.
    pub(crate) fn start_logging(&self) -> Result<LogGuard, Failure> {
        llmgw_boot::start_logging(&self.settings.log).map_err(|error| {
            let error = error.strip_prefix("log.level: ").unwrap_or(&error);
            let what =
                format!("{error}; write a level like `info`, or directives like `warn,llmgw_keys=debug`");
            self.blame(&Fault::new("log.level", what))
        })
    }

    /// Names the layer that a fault came from.
    pub(crate) fn blame(&self, fault: &Fault) -> Failure {
        ConfigError::into(self.layers.blame(fault))
    }

    /// The names of the sections.
    pub(crate) fn sections(&self) -> Vec<&'static str> {
        self.layers.sections().collect()
    }
}

// What llm-gateway-standalone keeps where.
fn in_data_folder(layers: Layers, dir: &Path) -> Result<Layers, Failure> {
    let file = |name: &str| -> Result<PathBuf, Failure> {
        let path = dir.join(name);
        if path.is_file() {
            return Ok(path);
        }
        let dir = dir.display();
        Err(Failure::from(format!(
            "--data: there is no {name} in {dir}; name the folder that llm-gateway-standalone was started with"
        )))
    };
    let (store, pepper) = (file("llmgw.sqlite")?, file("pepper")?);
    let master_keys = file("master_keys").ok();
    Ok(layers
        .flag("--data", "secrets.master_key_file", master_keys)
        .flag("--data", "store.kind", Some(StoreKind::Sqlite))
        .flag("--data", "store.path", Some(store))
        .flag("--data", "keys.pepper_file", Some(pepper)))
}

/// Everything that can be set, as Markdown.
pub(crate) fn reference() -> String {
    Layers::over(&Settings::default()).reference("llm-gateway-admin")
}
