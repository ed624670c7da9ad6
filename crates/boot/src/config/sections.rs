//! The sections.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use llmgw_types::{ExposeSecret, GroupName, Limit, SecretString};
use serde::Deserialize;

use super::values::{Address, Size, Span, Text, Zone};

/// `[gateway]`: the LLM API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewaySection {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where health and metrics are.
    pub health_listen: SocketAddr,
    /// How long new requests are taken after SIGTERM, while whoever sends them reads that this is not ready.
    pub linger: Span,
    /// How long running requests may go on after that.
    pub drain: Span,
    /// The longest request body.
    pub max_body: Size,
    /// All request bodies together.
    pub max_buffered: Size,
    /// Requests that may run at once.
    pub max_in_flight: usize,
    /// How long a request body may take to arrive.
    pub body_timeout: Span,
}

impl Default for GatewaySection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            health_listen: SocketAddr::from(([127, 0, 0, 1], 9090)),
            linger: Span(Duration::ZERO),
            drain: Span(Duration::from_secs(300)),
            max_body: Size(32 << 20),
            max_buffered: Size(1 << 30),
            max_in_flight: 10_000,
            body_timeout: Span(Duration::from_secs(120)),
        }
    }
}

/// `[admin]`: the administration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminSection {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The admin key.
    pub key: Option<Text>,
    /// A file that holds it.
    pub key_file: Option<PathBuf>,
}

impl Default for AdminSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            key: None,
            key_file: None,
        }
    }
}

impl AdminSection {
    /// The admin key, where one is set.
    ///
    /// # Errors
    /// When both ways are used or the file cannot be read.
    pub fn secret(&self) -> Result<Option<SecretString>, String> {
        secret("admin.key", self.key.as_ref(), self.key_file.as_ref())
    }
}

/// `[upstream]`: model servers in general.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamSection {
    /// Models without a target are served at `<default_url>/<model id>/v1/...`.
    pub default_url: Option<Address>,
    /// The secret for that, and for `--upstream`.
    pub default_key: Option<Text>,
    /// A file that holds it.
    pub default_key_file: Option<PathBuf>,
    /// How long to wait for a connection.
    pub connect_timeout: Span,
}

impl Default for UpstreamSection {
    fn default() -> Self {
        Self {
            default_url: None,
            default_key: None,
            default_key_file: None,
            connect_timeout: Span(Duration::from_secs(5)),
        }
    }
}

impl UpstreamSection {
    /// The default upstream secret, where one is set.
    ///
    /// # Errors
    /// When both ways are used or the file cannot be read.
    pub fn secret(&self) -> Result<Option<SecretString>, String> {
        secret(
            "upstream.default_key",
            self.default_key.as_ref(),
            self.default_key_file.as_ref(),
        )
    }
}

/// `[limits]`: limits that stand with no key, user or model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// For each user without limits of their own.
    pub default: Vec<Limit>,
    /// For all users together.
    pub everyone: Vec<Limit>,
    /// For groups.
    pub groups: Vec<GroupSection>,
    /// Where a day and a month begin.
    pub timezone: Zone,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            default: Vec::new(),
            everyone: Vec::new(),
            groups: Vec::new(),
            timezone: Zone("UTC".to_owned()),
        }
    }
}

/// One group's limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSection {
    /// The group.
    pub group: GroupName,
    /// For each member alone.
    #[serde(default)]
    pub each: Vec<Limit>,
    /// For all members together.
    #[serde(default)]
    pub shared: Vec<Limit>,
}

/// `[reports]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportsSection {
    /// Where a day begins.
    pub timezone: Zone,
}

impl Default for ReportsSection {
    fn default() -> Self {
        Self {
            timezone: Zone("UTC".to_owned()),
        }
    }
}

/// What happens to a request that the journal has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalWhenFull {
    /// It is refused with 503.
    #[default]
    Refuse,
    /// It runs without a note.
    Allow,
}

/// `[journal]`: notes on running requests.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalSection {
    /// The folder; below the data folder unless set.
    pub dir: Option<PathBuf>,
    /// What to do when there is no room.
    pub when_full: JournalWhenFull,
    /// The most disk space to take; unbounded unless set.
    pub max_size: Option<Size>,
}

/// `[secrets]`: secrets of model servers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretsSection {
    /// The folder of `file:` secrets.
    pub dir: Option<PathBuf>,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// For programs, one object per line.
    Json,
}

/// `[log]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or directives like `warn,llmgw_proxy=debug`.
    pub level: String,
}

impl Default for LogSection {
    fn default() -> Self {
        Self {
            format: LogFormat::Human,
            level: "info".to_owned(),
        }
    }
}

fn secret(name: &str, text: Option<&Text>, file: Option<&PathBuf>) -> Result<Option<SecretString>, String> {
    match (text, file) {
        (Some(_), Some(_)) => Err(format!("{name} and {name}_file are both set: use one")),
        (Some(text), None) => Ok(Some(SecretString::from(text.0.clone()))),
        (None, None) => Ok(None),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("{name}_file: cannot read {}: {error}", path.display()))?;
            let secret = SecretString::from(text.trim_end_matches(['\r', '\n']));
            if secret.expose_secret().is_empty() {
                return Err(format!("{name}_file: {} is empty", path.display()));
            }
            Ok(Some(secret))
        }
    }
}
