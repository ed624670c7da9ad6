//! The settings of this binary.

use std::time::Duration;

use llmgw_boot::config::{
    AdminSection, GatewaySection, JournalSection, Layers, LimitsSection, LogSection, PortalLogin,
    PortalSection, ReportsSection, SecretsSection, UpstreamSection,
};
use llmgw_types::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::args::Args;

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) gateway: GatewaySection,
    pub(crate) admin: AdminSection,
    pub(crate) portal: PortalSection,
    pub(crate) upstream: UpstreamSection,
    pub(crate) limits: LimitsSection,
    pub(crate) reports: ReportsSection,
    pub(crate) journal: JournalSection,
    pub(crate) secrets: SecretsSection,
    pub(crate) log: LogSection,
}

impl Default for Settings {
    fn default() -> Self {
        let portal = PortalSection {
            login: PortalLogin::Local,
            ..PortalSection::default()
        };
        Self {
            gateway: GatewaySection::default(),
            admin: AdminSection::default(),
            portal,
            upstream: UpstreamSection::default(),
            limits: LimitsSection::default(),
            reports: ReportsSection::default(),
            journal: JournalSection::default(),
            secrets: SecretsSection::default(),
            log: LogSection::default(),
        }
    }
}

impl Settings {
    /// The settings from all layers.
    pub(crate) fn load(args: &Args) -> Result<Self, String> {
        let layers = match &args.config {
            Some(file) => Layers::over(&Self::default()).file(file),
            None => Layers::over(&Self::default()),
        };
        layers
            .environment()
            .flag("--listen", "gateway.listen", args.listen)
            .flag("--health-listen", "gateway.health_listen", args.health_listen)
            .flag("--admin-listen", "admin.listen", args.admin_listen)
            .flag("--portal-listen", "portal.listen", args.portal_listen)
            .flag(
                "--upstream-key",
                "upstream.default_key",
                args.upstream_key.as_ref().map(ExposeSecret::expose_secret),
            )
            .read()
            .map_err(|error| error.to_string())
    }

    /// What the stages of a request need to know; `lease` is how long a reservation lives unless renewed.
    pub(crate) fn of_requests(&self, lease: Duration) -> llmgw_proxy::Settings {
        llmgw_proxy::Settings {
            max_body: self.gateway.max_body.0,
            lease,
            answers_kept: self.gateway.answers_kept.0,
        }
    }
}
