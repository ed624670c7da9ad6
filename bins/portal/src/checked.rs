//! Settings that make sense: what can be found out without touching the network.

use llmgw_boot::config::{Fault, PortalLogin, PortalSection};
use llmgw_boot::{Failure, SystemClock};
use llmgw_keys::Pepper;
use llmgw_portal_http::{Agreement, Handover, Site};
use llmgw_store_redis::RedisStore;
use llmgw_stores::{Lasting, peppers, redis_for_pages};
use llmgw_types::Clock;
use llmgw_usage::admission::Calendar;

use crate::agreement;
use crate::saml::{self, Saml};
use crate::settings::{Loaded, Settings};

/// What the settings come to.
pub(crate) struct Checked {
    pub(crate) pepper: Pepper,
    pub(crate) lasting: Lasting,
    /// Not yet asked anything.
    pub(crate) redis: RedisStore,
    /// Of limits.
    pub(crate) calendar: Calendar,
    /// Of reports.
    pub(crate) reports: Calendar,
    pub(crate) timezone: jiff::tz::TimeZone,
    pub(crate) site: Site,
    /// `None`: by a link.
    pub(crate) saml: Option<Saml>,
}

impl Checked {
    /// Looks at everything; names the first fault and the layer it came from.
    pub(crate) fn check(loaded: &Loaded) -> Result<Self, Failure> {
        Self::of(&loaded.settings).map_err(|fault| loaded.layers.blame(&fault).into())
    }

    fn of(settings: &Settings) -> Result<Self, Fault> {
        let portal = &settings.portal;
        check_listeners(portal)?;
        let origin = origin(portal)?;
        let saml = match portal.login {
            PortalLogin::Saml => Some(saml(settings, &origin)?),
            PortalLogin::Local => {
                check_local(settings, &origin)?;
                None
            }
        };
        let newest = peppers(&settings.keys)?.into_iter().next();
        let zone =
            |key: &str, name: &str| Calendar::named(name).map_err(|error| Fault::new(key, error.to_string()));
        Ok(Self {
            pepper: newest.ok_or_else(|| Fault::new("keys.pepper_file", "there is no pepper in it"))?,
            lasting: Lasting::of(&settings.store, &settings.mongo, &settings.reports)?,
            redis: redis_for_pages(&settings.redis)?,
            calendar: zone("limits.timezone", &settings.limits.timezone.0)?,
            reports: zone("reports.timezone", &settings.reports.timezone.0)?,
            timezone: jiff::tz::TimeZone::get(&settings.reports.timezone.0)
                .map_err(|error| Fault::new("reports.timezone", error.to_string()))?,
            site: site(settings, origin, agreement::read(portal)?)?,
            saml,
        })
    }
}

fn check_listeners(portal: &PortalSection) -> Result<(), Fault> {
    if portal.listen == portal.health_listen && portal.listen.port() != 0 {
        let what = format!("{} is portal.listen as well; choose another port", portal.listen);
        return Err(Fault::new("portal.health_listen", what));
    }
    if portal.session_lasts.0.is_zero() || portal.session_idle.0.is_zero() {
        let what = "nobody would stay logged in; set it to a time like `8h`";
        return Err(Fault::new("portal.session_lasts", what));
    }
    Ok(())
}

// Browsers reach a portal on this machine at its listener; any other at an address that only its owner knows.
fn origin(portal: &PortalSection) -> Result<String, Fault> {
    let key = "portal.public_base_url";
    match &portal.public_base_url {
        Some(base) => Site::origin(&base.0).map_err(|error| Fault::new(key, error)),
        None if portal.listen.ip().is_loopback() && portal.listen.port() != 0 => {
            Ok(format!("http://localhost:{}", portal.listen.port()))
        }
        None => {
            let what =
                "it is not set; set it to where browsers find the portal, like `https://llm.example.org`";
            Err(Fault::new(key, what))
        }
    }
}

fn saml(settings: &Settings, origin: &str) -> Result<Saml, Fault> {
    let saml = Saml::of(&settings.saml, origin)?;
    if let Some(idp) = saml.source.check(SystemClock::default().now())? {
        saml.metadata.set(idp);
    }
    Ok(saml)
}

// A link opens the door to whoever has it: not beside an institution, and not to the world.
fn check_local(settings: &Settings, origin: &str) -> Result<(), Fault> {
    if settings.saml.idp_metadata.is_some() || !settings.saml.allow.is_empty() {
        let what = "`local` is not for beside [saml]; leave that section out, or set this to `saml`";
        return Err(Fault::new("portal.login", what));
    }
    if !settings.portal.listen.ip().is_loopback() || !origin.starts_with("http://") {
        let what = "`local` is for this machine only; listen on 127.0.0.1 and leave portal.public_base_url out, or \
                    set this to `saml`";
        return Err(Fault::new("portal.login", what));
    }
    Ok(())
}

fn site(settings: &Settings, origin: String, agreement: Option<Agreement>) -> Result<Site, Fault> {
    let portal = &settings.portal;
    let api_url = portal
        .api_url
        .as_ref()
        .map(|url| url.0.trim_end_matches('/').trim_end_matches("/v1").to_owned());
    Ok(Site {
        handover: handover(portal, &origin)?,
        institution: portal
            .institution
            .clone()
            .unwrap_or_else(|| "LLMGateway".to_owned()),
        support: portal.support.clone(),
        api_url: api_url.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned()),
        currency: settings.reports.currency.clone(),
        agreement,
        lasts: portal.session_lasts.0,
        idle: portal.session_idle.0,
        max_keys: settings.keys.max_per_user,
        origin,
    })
}

fn handover(portal: &PortalSection, origin: &str) -> Result<Option<Handover>, Fault> {
    match (&portal.admin_url, &portal.handover_key_file) {
        (None, None) => Ok(None),
        (Some(admin), Some(file)) => {
            let admin = Site::origin(&admin.0).map_err(|error| Fault::new("portal.admin_url", error))?;
            let key = "portal.handover_key_file";
            let pem = saml::read(key, file)?;
            let handover = Handover::new(&pem, origin, &admin);
            handover
                .map(Some)
                .map_err(|error| Fault::new(key, format!("{}: {error}", file.display())))
        }
        (None, Some(_)) => {
            let what = "it is not set; set it, or leave portal.handover_key_file out";
            Err(Fault::new("portal.admin_url", what))
        }
        (Some(_), None) => {
            let what = "it is not set; `openssl genpkey -algorithm ed25519` makes one, or leave portal.admin_url out";
            Err(Fault::new("portal.handover_key_file", what))
        }
    }
}

#[cfg(test)]
mod tests;
