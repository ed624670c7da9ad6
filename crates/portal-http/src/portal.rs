//! What the routes share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use llmgw_auth_saml::ServiceProvider;
use llmgw_keys::{KeyService, People, User};
use llmgw_models::ModelCatalog;
use llmgw_sessions::{OneTimeStore, SessionStore, Token};
use llmgw_types::{Clock, Entropy, StoreError, random};
use llmgw_usage::admission::{AdmissionStore, Calendar, StandingLimits};
use llmgw_usage::ledger::UsageLedger;

use crate::handover::Handover;
use crate::local;
use crate::saml::SamlLogin;

/// Everything the portal needs. One per process.
pub struct Portal {
    /// Makes, lists and revokes keys.
    pub keys: KeyService,
    /// Who logs in.
    pub people: People,
    /// Which models there are.
    pub models: Arc<dyn ModelCatalog>,
    /// What was used.
    pub ledger: Arc<dyn UsageLedger>,
    /// How far limits are used up.
    pub admission: Arc<dyn AdmissionStore>,
    /// Limits that stand with no key and no user.
    pub limits: StandingLimits,
    /// Where a day of a report begins.
    pub calendar: Calendar,
    /// The same, for dates.
    pub timezone: jiff::tz::TimeZone,
    /// Who is logged in.
    pub sessions: Arc<dyn SessionStore>,
    /// What may happen once.
    pub once: Arc<dyn OneTimeStore>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Random bits.
    pub entropy: Arc<dyn Entropy>,
    /// How people log in.
    pub sign_in: SignIn,
    /// What pages say.
    pub site: Site,
}

/// How people log in.
#[derive(Debug)]
pub enum SignIn {
    /// With their institution.
    Saml(Box<SamlLogin>),
    /// By a link that [`Portal::local_link`] makes.
    Local,
}

/// What this portal is called, where it is, and what it holds people to.
#[derive(Debug, Clone)]
pub struct Site {
    /// Scheme, host and port, without a slash at the end.
    pub origin: String,
    /// The institution.
    pub institution: String,
    /// Where people turn to.
    pub support: Option<String>,
    /// Where clients find the LLM API; without `/v1`.
    pub api_url: String,
    /// What costs are in.
    pub currency: String,
    /// What people accept before anything else.
    pub agreement: Option<Agreement>,
    /// How long a login lasts at most.
    pub lasts: Duration,
    /// How long it lasts unused.
    pub idle: Duration,
    /// Keys that somebody may have.
    pub max_keys: usize,
    /// How administrators reach the admin service.
    pub handover: Option<Handover>,
}

/// An agreement that people accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// Its version; who accepted another one is asked again.
    pub version: String,
    /// Its text, in Markdown.
    pub text: String,
}

/// A base address that pages and cookies can live at.
impl Site {
    /// Checks an address: `https`, or plain `http` on this machine, without a path.
    ///
    /// # Errors
    /// When it is another; the text says what to write.
    pub fn origin(base: &str) -> Result<String, String> {
        let we = ServiceProvider::at(base, "", Vec::new()).map_err(|error| error.to_string())?;
        Ok(we.acs_url.trim_end_matches("/saml/acs").to_owned())
    }

    /// Whether browsers reach it on this machine only.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.origin.starts_with("http://")
    }

    pub(crate) fn must_accept(&self, user: &User) -> bool {
        self.agreement
            .as_ref()
            .is_some_and(|agreement| user.agreement.as_ref() != Some(&agreement.version))
    }
}

impl Portal {
    /// A link that logs one person in, once, until `lasts` from now. Whoever has it is let in as an administrator.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn local_link(&self, lasts: Duration) -> Result<String, StoreError> {
        let token = self.token();
        let now = self.clock.now();
        let hash = token.hash();
        self.once
            .put(local::KIND, &hash, &[], now.plus(lasts), now)
            .await?;
        Ok(format!(
            "{}/local/login?token={}",
            self.site.origin,
            token.expose()
        ))
    }

    pub(crate) fn token(&self) -> Token {
        Token::generate(random(&*self.entropy))
    }
}

impl fmt::Debug for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal")
            .field("site", &self.site.origin)
            .finish_non_exhaustive()
    }
}
