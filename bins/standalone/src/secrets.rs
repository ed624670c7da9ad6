//! The secrets that are set, read once.

use llmgw_keys::KeyText;
use llmgw_types::{ExposeSecret, SecretString};

use crate::settings::Settings;

/// What the settings say, in themselves or in a file.
#[derive(Debug)]
pub(crate) struct Secrets {
    pub(crate) admin_key: Option<KeyText>,
    pub(crate) upstream: Option<SecretString>,
}

impl Secrets {
    /// Reads them.
    pub(crate) fn read(settings: &Settings) -> Result<Self, String> {
        let admin_key = match settings.admin.secret()? {
            Some(text) => Some(KeyText::import(text.expose_secret()).map_err(|_| BAD_ADMIN_KEY)?),
            None => None,
        };
        Ok(Self {
            admin_key,
            upstream: settings.upstream.secret()?,
        })
    }
}

const BAD_ADMIN_KEY: &str = "admin.key: must be 16 to 256 visible ASCII characters";
