//! Who comes into the administration: whoever has the admin key.

use std::sync::Arc;
use std::time::Duration;

use llmgw_admin_http::{CookieKey, Doors};
use llmgw_boot::Failure;
use llmgw_boot::config::{AdminSection, proxies};
use llmgw_keys::{AdminKey, Pepper, Proxies};
use llmgw_proxy::Services;
use llmgw_sessions::OneTimeStore;
use llmgw_types::Entropy;

use super::stores::Stores;

/// What the cookie of a session is signed under.
const COOKIES: &str = "the administration's cookies";

/// All but the admin key, which is made late.
pub(crate) struct Entrance {
    cookies: CookieKey,
    once: Arc<dyn OneTimeStore>,
    entropy: Arc<dyn Entropy>,
    proxies: Proxies,
    lasts: Duration,
    idle: Duration,
}

impl Entrance {
    pub(super) fn of(
        admin: &AdminSection,
        stores: &Stores,
        services: &Services,
        pepper: &Pepper,
    ) -> Result<Self, Failure> {
        check(admin)?;
        Ok(Self {
            cookies: CookieKey::derive(&pepper.derive(COOKIES)),
            once: Arc::new(stores.file.one_time()),
            entropy: Arc::clone(&services.entropy),
            proxies: proxies(&admin.trusted_proxies),
            lasts: admin.session_lasts.0,
            idle: admin.session_idle.0,
        })
    }

    /// The doors of an administration at `origin`, which `key` opens.
    pub(crate) fn with(self, key: AdminKey, origin: String) -> Doors {
        Doors {
            key,
            handovers: None,
            origin,
            cookies: self.cookies,
            once: self.once,
            entropy: self.entropy,
            proxies: self.proxies,
            lasts: self.lasts,
            idle: self.idle,
        }
    }
}

// A portal of its own is for one person, who has the admin key.
fn check(admin: &AdminSection) -> Result<(), Failure> {
    let others = [
        ("public_base_url", admin.public_base_url.is_some()),
        ("portal_url", admin.portal_url.is_some()),
        (
            "handover_public_key_file",
            admin.handover_public_key_file.is_some(),
        ),
    ];
    match others.into_iter().find(|(_, set)| *set) {
        Some((key, _)) => Err(Failure::configuration(format!(
            "admin.{key}: of no use here, only for `llm-gateway-admin serve`; leave it out"
        ))),
        None => Ok(()),
    }
}
