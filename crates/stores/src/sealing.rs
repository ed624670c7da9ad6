//! What secrets are sealed with.

use llmgw_boot::OsEntropy;
use llmgw_boot::config::{Fault, SecretsSection};
use llmgw_secrets_seal::{MasterKeys, Seal};
use llmgw_types::ExposeSecret;
use std::sync::Arc;

/// Seals under the master keys of `[secrets]`; `None` where none are named.
///
/// # Errors
/// When the file cannot be read or a line of it is no key.
pub fn sealing(secrets: &SecretsSection) -> Result<Option<Arc<Seal>>, Fault> {
    let Some(text) = secrets.master_keys()? else {
        return Ok(None);
    };
    let keys = MasterKeys::parse(text.expose_secret()).map_err(|error| {
        let what = format!("{error}; make one with `openssl rand -base64 32`");
        Fault::new("secrets.master_key_file", what)
    })?;
    Ok(Some(Arc::new(Seal::new(keys, Arc::new(OsEntropy)))))
}
