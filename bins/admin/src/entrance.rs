//! Who comes in: what the settings say of the admin key, of hand-overs and of sessions.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use llmgw_admin_http::{CookieKey, Doors, Handovers, base_url};
use llmgw_boot::OsEntropy;
use llmgw_boot::config::{AdminSection, Fault, proxies};
use llmgw_keys::{AdminKey, KeyText, Pepper};
use llmgw_sessions::OneTimeStore;
use llmgw_types::ExposeSecret;

/// What the cookie of a session is signed under.
const COOKIES: &str = "the administration's cookies";

const PUBLIC_BASE_URL: &str = "admin.public_base_url";
const PORTAL_URL: &str = "admin.portal_url";
const PUBLIC_KEY: &str = "admin.handover_public_key_file";

/// The portal that hands people over.
struct Portal {
    origin: String,
    /// The public half of its key.
    pem: Vec<u8>,
}

/// Looks at everything that needs no address to listen on.
pub(crate) fn check(settings: &AdminSection) -> Result<(), Fault> {
    let public = public(settings)?;
    if settings.session_lasts.0.is_zero() || settings.session_idle.0.is_zero() {
        let what = "nobody would stay signed in; set it to a time like `8h`";
        return Err(Fault::new("admin.session_lasts", what));
    }
    let Some(portal) = portal(settings)? else {
        return Ok(());
    };
    if public.is_none() && !settings.listen.ip().is_loopback() {
        let what = "it is not set; hand-overs are for one address: set it to where browsers find these pages, as \
                    portal.admin_url has it";
        return Err(Fault::new(PUBLIC_BASE_URL, what));
    }
    handovers(&portal, "").map(drop)
}

/// The admin key, and what cookies are signed with. `peppers` has the newest first.
pub(crate) fn keys(settings: &AdminSection, peppers: &[Pepper]) -> Result<(AdminKey, CookieKey), Fault> {
    let newest = peppers
        .first()
        .ok_or_else(|| Fault::new("keys.pepper_file", "there is no pepper in it"))?;
    let cookies = CookieKey::derive(&newest.derive(COOKIES));
    Ok((admin_key(settings, peppers, newest)?, cookies))
}

/// The doors of a service that listens at `at`.
pub(crate) fn doors(
    settings: &AdminSection,
    at: SocketAddr,
    (key, cookies): (AdminKey, CookieKey),
    once: Arc<dyn OneTimeStore>,
) -> Result<Doors, Fault> {
    let origin = public(settings)?.unwrap_or_else(|| local(at));
    let handovers = match portal(settings)? {
        Some(portal) => Some(handovers(&portal, &origin)?),
        None => None,
    };
    Ok(Doors {
        key,
        handovers,
        origin,
        cookies,
        once,
        proxies: proxies(&settings.trusted_proxies),
        entropy: Arc::new(OsEntropy),
        lasts: settings.session_lasts.0,
        idle: settings.session_idle.0,
    })
}

// Browsers on this machine send cookies to it by name, encrypted or not.
fn local(at: SocketAddr) -> String {
    if at.ip().is_loopback() {
        format!("http://localhost:{}", at.port())
    } else {
        format!("http://{at}")
    }
}

fn admin_key(settings: &AdminSection, peppers: &[Pepper], newest: &Pepper) -> Result<AdminKey, Fault> {
    let text = settings.secret()?.ok_or_else(|| {
        Fault::new(
            "admin.key",
            "is not set; set it, admin.key_file or ADMIN_KEY to 16 visible characters or more, as \
             `openssl rand -hex 32` makes them",
        )
    })?;
    let key = KeyText::import(text.expose_secret())
        .map_err(|_| Fault::new("admin.key", "must have 16 to 256 visible characters"))?;
    Ok(AdminKey::new(peppers.to_vec(), newest.hash(&key)))
}

fn public(settings: &AdminSection) -> Result<Option<String>, Fault> {
    let base = settings.public_base_url.as_ref().map(|base| base_url(&base.0));
    base.transpose()
        .map_err(|error| Fault::new(PUBLIC_BASE_URL, error))
}

fn portal(settings: &AdminSection) -> Result<Option<Portal>, Fault> {
    match (&settings.portal_url, &settings.handover_public_key_file) {
        (None, None) => Ok(None),
        (Some(url), Some(file)) => Ok(Some(Portal {
            origin: base_url(&url.0).map_err(|error| Fault::new(PORTAL_URL, error))?,
            pem: read(file)?,
        })),
        (None, Some(_)) => {
            let what = format!("it is not set; set it, or leave {PUBLIC_KEY} out");
            Err(Fault::new(PORTAL_URL, what))
        }
        (Some(_), None) => {
            let what = format!(
                "it is not set; `openssl pkey -in KEY -pubout` makes it from the portal's handover_key_file, or leave \
                 {PORTAL_URL} out"
            );
            Err(Fault::new(PUBLIC_KEY, what))
        }
    }
}

fn handovers(portal: &Portal, origin: &str) -> Result<Handovers, Fault> {
    let handovers = Handovers::new(&portal.pem, &portal.origin, origin);
    handovers.map_err(|error| Fault::new(PUBLIC_KEY, error.to_string()))
}

fn read(file: &Path) -> Result<Vec<u8>, Fault> {
    std::fs::read(file).map_err(|error| {
        let what = format!(
            "cannot read {}: {error}; make the file readable for this user, or name another",
            file.display()
        );
        Fault::new(PUBLIC_KEY, what)
    })
}

#[cfg(test)]
mod tests;
