//! The settings of this binary.

use std::path::PathBuf;
use std::time::Duration;

use llmgw_boot::config::{
    ConfigError, Fault, GatewaySection, JournalSection, KeysSection, Layers, LimitsSection, LogSection,
    MongoSection, RedisSection, ReportsSection, SecretsSection, Span, StoreSection, UpstreamSection,
};
use llmgw_boot::{Failure, LogGuard};
use serde::{Deserialize, Serialize};

use crate::args::{Args, Command};

/// Sections of the other services, which may stand in the same file.
const OF_OTHERS: [&str; 3] = ["admin", "portal", "saml"];

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) gateway: GatewaySection,
    pub(crate) store: StoreSection,
    pub(crate) mongo: MongoSection,
    pub(crate) redis: RedisSection,
    pub(crate) keys: KeysSection,
    pub(crate) upstream: UpstreamSection,
    pub(crate) limits: LimitsSection,
    pub(crate) reports: ReportsSection,
    pub(crate) journal: JournalSection,
    pub(crate) secrets: SecretsSection,
    pub(crate) log: LogSection,
}

impl Default for Settings {
    fn default() -> Self {
        let gateway = GatewaySection {
            // As long as a balancer may take to see that this replica is not ready any more.
            linger: Span(Duration::from_secs(10)),
            ..GatewaySection::default()
        };
        let journal = JournalSection {
            dir: Some(PathBuf::from("journal")),
            ..JournalSection::default()
        };
        Self {
            gateway,
            store: StoreSection::default(),
            mongo: MongoSection::default(),
            redis: RedisSection::default(),
            keys: KeysSection::default(),
            upstream: UpstreamSection::default(),
            limits: LimitsSection::default(),
            reports: ReportsSection::default(),
            journal,
            secrets: SecretsSection::default(),
            log: LogSection::default(),
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
    pub(crate) fn load(args: &Args) -> Result<Self, ConfigError> {
        let layers = Layers::over(&Settings::default()).passing_over(&OF_OTHERS);
        let layers = match &args.config {
            Some(file) => layers.file(file),
            None => layers,
        };
        let mut layers = layers.environment();
        if let Command::Serve(serve) = &args.command {
            layers = layers.flag("--listen", "gateway.listen", serve.listen).flag(
                "--health-listen",
                "gateway.health_listen",
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
                format!("{error}; write a level like `info`, or directives like `warn,llmgw_proxy=debug`");
            self.layers.blame(&Fault::new("log.level", what)).into()
        })
    }

    /// The names of the sections.
    pub(crate) fn sections(&self) -> Vec<&'static str> {
        self.layers.sections().collect()
    }
}

impl Settings {
    /// What the stages of a request need to know; `lease` is how long a reservation lives unless renewed.
    pub(crate) fn of_requests(&self, lease: Duration) -> llmgw_proxy::Settings {
        llmgw_proxy::Settings {
            max_body: self.gateway.max_body.0,
            lease,
            answers_kept: self.gateway.answers_kept.0,
        }
    }

    /// The folder of the journal.
    pub(crate) fn journal_dir(&self) -> PathBuf {
        self.journal
            .dir
            .clone()
            .unwrap_or_else(|| PathBuf::from("journal"))
    }
}

/// Everything that can be set, as Markdown.
pub(crate) fn reference() -> String {
    Layers::over(&Settings::default()).reference("llm-gateway")
}
