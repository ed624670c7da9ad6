//! The settings of this binary.

use llmgw_boot::config::{
    ConfigError, Fault, KeysSection, Layers, LimitsSection, LogSection, MongoSection, PortalSection,
    RedisSection, ReportsSection, SamlSection, StoreSection,
};
use llmgw_boot::{Failure, LogGuard};
use serde::{Deserialize, Serialize};

use crate::args::{Args, Command};

/// Sections of the other services, which may stand in the same file.
const OF_OTHERS: [&str; 5] = ["gateway", "upstream", "journal", "secrets", "admin"];

/// Everything that can be set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) portal: PortalSection,
    pub(crate) saml: SamlSection,
    pub(crate) store: StoreSection,
    pub(crate) mongo: MongoSection,
    pub(crate) redis: RedisSection,
    pub(crate) keys: KeysSection,
    pub(crate) limits: LimitsSection,
    pub(crate) reports: ReportsSection,
    pub(crate) log: LogSection,
}

/// The settings, and the layers they came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) layers: Layers,
}

impl Loaded {
    /// The settings from all layers.
    pub(crate) fn load(args: &Args) -> Result<Self, ConfigError> {
        let layers = Layers::over(&Settings::default()).passing_over(&OF_OTHERS);
        let layers = match &args.config {
            Some(file) => layers.file(file),
            None => layers,
        };
        let mut layers = layers.environment();
        if let Command::Serve(serve) = &args.command {
            layers = layers.flag("--listen", "portal.listen", serve.listen).flag(
                "--health-listen",
                "portal.health_listen",
                serve.health_listen,
            );
        }
        Ok(Self {
            settings: layers.read()?,
            layers,
        })
    }

    /// Starts the log, which is written until the guard is dropped. What comes before is not logged.
    pub(crate) fn start_logging(&self) -> Result<LogGuard, Failure> {
        llmgw_boot::start_logging(&self.settings.log).map_err(|error| {
            let error = error.strip_prefix("log.level: ").unwrap_or(&error);
            let what =
                format!("{error}; write a level like `info`, or directives like `warn,llmgw_keys=debug`");
            self.layers.blame(&Fault::new("log.level", what)).into()
        })
    }

    /// The names of the sections.
    pub(crate) fn sections(&self) -> Vec<&'static str> {
        self.layers.sections().collect()
    }
}

/// Everything that can be set, as Markdown.
pub(crate) fn reference() -> String {
    Layers::over(&Settings::default()).reference("llm-gateway-portal")
}
