//! What keys are hashed under.

use llmgw_boot::config::{Fault, KeysSection};
use llmgw_keys::Pepper;
use llmgw_types::ExposeSecret;

/// The peppers of `[keys]`, the newest first.
///
/// # Errors
/// When there is none, or one is too short.
pub fn peppers(keys: &KeysSection) -> Result<Vec<Pepper>, Fault> {
    let key = match keys.pepper {
        Some(_) => "keys.pepper",
        None => "keys.pepper_file",
    };
    let text = keys.peppers()?;
    Pepper::parse_file(text.expose_secret()).map_err(|error| {
        let what = format!("{error}; make one with `head -c 33 /dev/urandom | base64`");
        Fault::new(key, what)
    })
}
