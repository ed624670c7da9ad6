//! The sections.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use llmgw_models::AllowedTargets;
use llmgw_types::{GroupName, Limit, SecretString};
use llmgw_usage::admission::{GroupLimit, LimitPolicy};
use serde::{Deserialize, Serialize};

use super::network::Network;
use super::secret::{Fault, read, secret};
use super::values::{Address, Size, Span, Text, Zone};

/// `[gateway]`: the LLM API.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// How long it is remembered which target keeps an answer.
    pub answers_kept: Span,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
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
            answers_kept: Span(Duration::from_hours(24 * 7)),
            trusted_proxies: Vec::new(),
        }
    }
}

/// `[admin]`: the administration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminSection {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where health and metrics are.
    pub health_listen: SocketAddr,
    /// The admin key.
    pub key: Option<Text>,
    /// A file that holds it.
    pub key_file: Option<PathBuf>,
    /// Where browsers find its pages.
    pub public_base_url: Option<Address>,
    /// The portal that hands administrators over.
    pub portal_url: Option<Address>,
    /// The public half of the key that signs that.
    pub handover_public_key_file: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// How long somebody stays signed in, however busy.
    pub session_lasts: Span,
    /// How long they stay signed in unused.
    pub session_idle: Span,
}

impl Default for AdminSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            health_listen: SocketAddr::from(([127, 0, 0, 1], 9091)),
            key: None,
            key_file: None,
            public_base_url: None,
            portal_url: None,
            handover_public_key_file: None,
            trusted_proxies: Vec::new(),
            session_lasts: Span(Duration::from_hours(8)),
            session_idle: Span(Duration::from_mins(30)),
        }
    }
}

impl AdminSection {
    /// The admin key, where one is set.
    ///
    /// # Errors
    /// When both ways are used or the file cannot be read.
    pub fn secret(&self) -> Result<Option<SecretString>, Fault> {
        let value = self.key.as_ref().map(|text| &*text.0);
        secret("admin.key", value, self.key_file.as_deref())
    }
}

/// `[upstream]`: model servers in general.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// How long a connection is kept that no request uses.
    pub keep_alive: Span,
    /// Host names and networks that targets may be in; everywhere unless named.
    pub allow: Vec<String>,
}

impl Default for UpstreamSection {
    fn default() -> Self {
        Self {
            default_url: None,
            default_key: None,
            default_key_file: None,
            connect_timeout: Span(Duration::from_secs(5)),
            // llama.cpp and what runs on uvicorn (vLLM, SGLang) close after 5 s.
            keep_alive: Span(Duration::from_secs(4)),
            allow: Vec::new(),
        }
    }
}

impl UpstreamSection {
    /// The default upstream secret, where one is set.
    ///
    /// # Errors
    /// When both ways are used or the file cannot be read.
    pub fn secret(&self) -> Result<Option<SecretString>, Fault> {
        let value = self.default_key.as_ref().map(|text| &*text.0);
        secret("upstream.default_key", value, self.default_key_file.as_deref())
    }

    /// Where targets may be; the default upstream is.
    ///
    /// # Errors
    /// When an entry is no place, or the default upstream is in none of them.
    pub fn allowed(&self) -> Result<AllowedTargets, Fault> {
        let allowed = AllowedTargets::parse(&self.allow);
        let allowed = allowed.map_err(|error| Fault::new("upstream.allow", error.to_string()))?;
        if let Some(url) = &self.default_url {
            allowed.check(&url.0).map_err(|error| {
                let error = error.to_string();
                let why = error.strip_prefix("base_url: ").unwrap_or(&error);
                Fault::new("upstream.default_url", why.to_owned())
            })?;
        }
        Ok(allowed)
    }
}

/// What happens to requests while the store of the limits cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitsWhenUnavailable {
    /// Each gateway holds limits by itself.
    #[default]
    Local,
    /// They are refused with 503.
    Refuse,
    /// They run without limits.
    Allow,
}

/// `[limits]`: limits that stand with no key, user or model.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// What to do while the counters cannot be reached.
    pub when_unavailable: LimitsWhenUnavailable,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            default: Vec::new(),
            everyone: Vec::new(),
            groups: Vec::new(),
            timezone: Zone("UTC".to_owned()),
            when_unavailable: LimitsWhenUnavailable::default(),
        }
    }
}

impl LimitsSection {
    /// The limits, as requests are held to them.
    #[must_use]
    pub fn policy(&self) -> LimitPolicy {
        let groups = self.groups.iter().cloned();
        LimitPolicy {
            everyone: self.everyone.clone(),
            each_user: self.default.clone(),
            groups: groups
                .map(|section| GroupLimit {
                    group: section.group,
                    each: section.each,
                    shared: section.shared,
                })
                .collect(),
        }
    }
}

/// One group's limits.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportsSection {
    /// Where a day begins.
    pub timezone: Zone,
    /// What costs are in.
    pub currency: String,
}

impl Default for ReportsSection {
    fn default() -> Self {
        Self {
            timezone: Zone("UTC".to_owned()),
            currency: "EUR".to_owned(),
        }
    }
}

/// What happens to a request that the journal has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalWhenFull {
    /// It is refused with 503.
    #[default]
    Refuse,
    /// It runs without a note.
    Allow,
}

/// `[journal]`: notes on running requests.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretsSection {
    /// The folder of `file:` secrets.
    pub dir: Option<PathBuf>,
    /// The master keys that secrets given to the administration are kept under, one a line, the newest first; each as
    /// `openssl rand -base64 32` makes it. The same for gateways and administration.
    pub master_key_file: Option<PathBuf>,
}

impl SecretsSection {
    /// The text of the file of master keys, where one is named.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn master_keys(&self) -> Result<Option<SecretString>, Fault> {
        let file = self.master_key_file.as_deref();
        file.map(|file| read("secrets.master_key_file", file)).transpose()
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// For programs, one object per line.
    Json,
}

/// `[log]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
