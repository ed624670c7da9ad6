//! What is known of the identity provider.

use std::sync::{Arc, PoisonError, RwLock};

use llmgw_auth_saml::IdentityProvider;

/// The identity provider as its metadata last said; shared by whoever reads it anew and whoever goes by it.
#[derive(Debug, Clone, Default)]
pub struct IdpMetadata(Arc<RwLock<Option<Arc<IdentityProvider>>>>);

impl IdpMetadata {
    /// From now on this holds.
    pub fn set(&self, idp: IdentityProvider) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(idp));
    }

    /// What holds; `None` until it was read for the first time.
    #[must_use]
    pub fn get(&self) -> Option<Arc<IdentityProvider>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
