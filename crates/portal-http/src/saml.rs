//! Logins with an institution: the routes below `/saml`.

mod acs;
mod idp;
mod logout;

pub(crate) use acs::{acs, login, metadata};
pub use idp::IdpMetadata;
pub(crate) use logout::{confirm, from_form, from_query, leave};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::block;
use llmgw_auth_saml::login::Policy;
use llmgw_auth_saml::{IdentityProvider, ServiceProvider, XmlDecryption, XmlSignature};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::errors::PageError;

/// Messages that are looked at at once: each costs a millisecond or so of a thread.
const AT_ONCE: usize = 4;

/// How long one waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(5);

/// Logins by SAML 2.0.
pub struct SamlLogin {
    we: ServiceProvider,
    policy: Policy,
    signature: Arc<dyn XmlSignature>,
    decryption: Arc<dyn XmlDecryption>,
    metadata: IdpMetadata,
    turns: Semaphore,
}

impl fmt::Debug for SamlLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamlLogin")
            .field("we", &self.we)
            .finish_non_exhaustive()
    }
}

// What one message is held against; owned, because it goes to another thread.
struct Held {
    we: ServiceProvider,
    idp: Arc<IdentityProvider>,
    policy: Policy,
    signature: Arc<dyn XmlSignature>,
    decryption: Arc<dyn XmlDecryption>,
}

impl SamlLogin {
    /// Logins at the identity provider of `metadata`, which whoever holds it too keeps up to date.
    #[must_use]
    pub fn new(
        we: ServiceProvider,
        policy: Policy,
        signature: Arc<dyn XmlSignature>,
        decryption: Arc<dyn XmlDecryption>,
        metadata: IdpMetadata,
    ) -> Self {
        Self {
            we,
            policy,
            signature,
            decryption,
            metadata,
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// Where browsers are sent to by forms of ours, beside this portal: pages may name it.
    pub(crate) fn logout_origin(&self) -> Option<String> {
        let idp = self.metadata.get()?;
        let url = url::Url::parse(idp.logout_url.as_deref()?).ok()?;
        Some(url.origin().ascii_serialization())
    }

    fn idp(&self) -> Result<Arc<IdentityProvider>, PageError> {
        self.metadata.get().ok_or_else(|| {
            tracing::warn!("no metadata of the identity provider is known yet");
            PageError::Away
        })
    }

    // Signatures and ciphers are work for a thread of their own, and behind them is C.
    async fn held<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Held) -> T + Send + 'static,
    ) -> Result<T, PageError> {
        let held = Held {
            we: self.we.clone(),
            idp: self.idp()?,
            policy: self.policy.clone(),
            signature: Arc::clone(&self.signature),
            decryption: Arc::clone(&self.decryption),
        };
        let Ok(Ok(_turn)) = timeout(TURN_WITHIN, self.turns.acquire()).await else {
            return Err(PageError::Busy);
        };
        block(move || work(&held)).await.map_err(|error| {
            tracing::error!(%error, "a message of the identity provider broke its thread");
            PageError::Refused
        })
    }
}
