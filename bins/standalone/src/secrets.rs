//! The secrets that are set, read once.

use std::sync::Arc;

use llmgw_boot::{Failure, OsEntropy};
use llmgw_keys::KeyText;
use llmgw_secrets_seal::{MasterKeys, Seal};
use llmgw_types::{ExposeSecret, SecretString};

use crate::data_dir::DataDir;
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

/// What secrets of targets are sealed with: the master keys that are set, else those of the data folder.
pub(crate) fn sealing(settings: &Settings, data: &DataDir) -> Result<Seal, Failure> {
    let set = settings
        .secrets
        .master_keys()
        .map_err(|fault| Failure::configuration(fault.to_string()))?;
    let keys = match set {
        Some(text) => MasterKeys::parse(text.expose_secret())
            .map_err(|error| Failure::configuration(format!("secrets.master_key_file: {error}")))?,
        None => data.master_keys(&OsEntropy)?,
    };
    Ok(Seal::new(keys, Arc::new(OsEntropy)))
}

const BAD_ADMIN_KEY: &str = "admin.key: must be 16 to 256 visible ASCII characters";
