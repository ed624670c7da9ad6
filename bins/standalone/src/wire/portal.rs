//! The self service, for the one person on this machine.

use std::sync::Arc;

use llmgw_boot::Failure;
use llmgw_boot::config::{PortalLogin, PortalSection};
use llmgw_keys::{KeyService, People, Pepper};
use llmgw_portal_http::{CookieKey, Portal, SignIn, Site};
use llmgw_proxy::Services;
use llmgw_types::ChangeFeed;
use llmgw_usage::admission::{Calendar, StandingLimits};

use super::stores::Stores;
use crate::settings::Settings;

/// What the cookie of a session is signed under.
const COOKIES: &str = "the portal's cookies";

/// Keys that a person may make for themselves.
const MAX_KEYS: usize = 10;

/// Where browsers find it, and where clients find the LLM API.
pub(crate) struct Places {
    pub(crate) portal: String,
    pub(crate) api: String,
}

/// The portal, and what its cookies are signed with.
pub(super) fn portal(
    settings: &Settings,
    stores: &Stores,
    services: &Services,
    feed: Arc<dyn ChangeFeed>,
    pepper: &Pepper,
    places: Places,
) -> Result<(Arc<Portal>, CookieKey), Failure> {
    check(&settings.portal)?;
    let zone = &settings.reports.timezone.0;
    let unknown = |error: String| Failure::configuration(format!("reports.timezone: {error}"));
    let entropy = Arc::clone(&services.entropy);
    let users = Arc::clone(&stores.users);
    let portal = Portal {
        keys: KeyService::new(
            Arc::clone(&stores.keys),
            users.clone(),
            pepper.clone(),
            Arc::clone(&feed),
            entropy.clone(),
        ),
        people: People::new(users, feed, entropy.clone()),
        models: Arc::clone(&stores.models),
        ledger: Arc::clone(&stores.ledger),
        admission: Arc::clone(&stores.admission),
        limits: StandingLimits::new(settings.limits.policy(), Arc::clone(&stores.limits)),
        calendar: Calendar::named(zone).map_err(|error| unknown(error.to_string()))?,
        timezone: jiff::tz::TimeZone::get(zone).map_err(|error| unknown(error.to_string()))?,
        sessions: Arc::new(stores.file.sessions()),
        once: Arc::new(stores.file.one_time()),
        clock: Arc::clone(&services.clock),
        entropy,
        sign_in: SignIn::Local,
        site: site(settings, places),
    };
    Ok((Arc::new(portal), CookieKey::derive(&pepper.derive(COOKIES))))
}

fn site(settings: &Settings, places: Places) -> Site {
    let portal = &settings.portal;
    Site {
        origin: places.portal,
        institution: portal
            .institution
            .clone()
            .unwrap_or_else(|| "LLMGateway".to_owned()),
        support: portal.support.clone(),
        api_url: portal.api_url.as_ref().map_or(places.api, |url| url.0.clone()),
        currency: settings.reports.currency.clone(),
        agreement: None,
        lasts: portal.session_lasts.0,
        idle: portal.session_idle.0,
        max_keys: MAX_KEYS,
        handover: None,
    }
}

// Whoever has the link is let in: not from elsewhere. The rest needs more than one process has.
fn check(portal: &PortalSection) -> Result<(), Failure> {
    let fault = |key: &str, what: &str| Err(Failure::configuration(format!("portal.{key}: {what}")));
    if portal.login == PortalLogin::Saml {
        return fault(
            "login",
            "logins with an institution need llm-gateway-portal; leave this out",
        );
    }
    if !portal.listen.ip().is_loopback() {
        return fault(
            "listen",
            "this portal lets in whoever has its link; listen on 127.0.0.1",
        );
    }
    let others = [
        ("public_base_url", portal.public_base_url.is_some()),
        ("agreement_file", portal.agreement_file.is_some()),
        ("admin_url", portal.admin_url.is_some()),
        ("handover_key_file", portal.handover_key_file.is_some()),
    ];
    match others.into_iter().find(|(_, set)| *set) {
        Some((key, _)) => fault(key, "of no use here, only for llm-gateway-portal; leave it out"),
        None => Ok(()),
    }
}
