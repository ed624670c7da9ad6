//! Puts the parts together. With [`checked`](crate::checked), [`saml`](crate::saml) and [`serve`](crate::serve) the
//! only place that names concrete adapters.

use std::sync::Arc;

use llmgw_boot::{Failure, OsEntropy, Readiness, SystemClock};
use llmgw_keys::{KeyService, People};
use llmgw_portal_http::{CookieKey, Portal, SignIn};
use llmgw_store_redis::{RedisAdmission, RedisFeed, RedisOneTime, RedisSessions};
use llmgw_stores::Looks;
use llmgw_usage::admission::StandingLimits;

use crate::checked::Checked;
use crate::metadata::Source;
use crate::settings::Settings;

/// What the cookie of a session is signed under.
const COOKIES: &str = "the portal's cookies";

/// The parts, put together.
pub(crate) struct Parts {
    pub(crate) portal: Arc<Portal>,
    pub(crate) cookies: CookieKey,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) looks: Looks,
    pub(crate) metadata: Option<(Source, llmgw_portal_http::IdpMetadata)>,
}

/// Builds everything; no store is asked anything yet.
pub(crate) fn build(settings: &Settings, checked: Checked) -> Result<Parts, Failure> {
    let kept = checked
        .lasting
        .open()
        .map_err(|fault| Failure::configuration(fault.to_string()))?;
    let redis = checked.redis;
    let names: &[&str] = if kept.mongo.is_some() {
        &["redis", "mongo"]
    } else {
        &["redis"]
    };
    let readiness = Arc::new(Readiness::with_stores(names));
    let feed = Arc::new(RedisFeed::new(redis.clone()));
    let entropy = Arc::new(OsEntropy);
    let cookies = CookieKey::derive(&checked.pepper.derive(COOKIES));
    let metadata = checked
        .saml
        .as_ref()
        .map(|saml| (saml.source.clone(), saml.metadata.clone()));
    let portal = Portal {
        keys: KeyService::new(
            kept.keys,
            Arc::clone(&kept.users),
            checked.pepper,
            feed.clone(),
            entropy.clone(),
        ),
        people: People::new(kept.users, feed, entropy.clone()),
        models: kept.models,
        ledger: kept.ledger,
        admission: Arc::new(RedisAdmission::new(redis.clone(), checked.calendar)),
        limits: StandingLimits::new(settings.limits.policy(), kept.limits),
        calendar: checked.reports,
        timezone: checked.timezone,
        sessions: Arc::new(RedisSessions::new(redis.clone())),
        once: Arc::new(RedisOneTime::new(redis.clone())),
        clock: Arc::new(SystemClock::default()),
        entropy,
        sign_in: match &checked.saml {
            Some(saml) => SignIn::Saml(Box::new(saml.login())),
            None => SignIn::Local,
        },
        site: checked.site,
    };
    Ok(Parts {
        portal: Arc::new(portal),
        cookies,
        looks: Looks::new(redis, kept.mongo, Arc::clone(&readiness)),
        readiness,
        metadata,
    })
}
