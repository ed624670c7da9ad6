//! Puts the layers together.

use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is wrong with the settings; names the key and the layer it came from.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// Layers of settings, added low to high.
#[derive(Debug, Default)]
pub struct Layers(Figment);

/// The names that the system before this one used, and what they are called here.
const OLD_NAMES: [(&str, &str); 3] = [
    ("LLM_DEFAULT_URL", "upstream.default_url"),
    ("INFERENCE_KEY", "upstream.default_key"),
    ("ADMIN_KEY", "admin.key"),
];

impl Layers {
    /// Adds a TOML file, which must be there.
    #[must_use]
    pub fn file(self, path: &Path) -> Self {
        Self(self.0.merge(Toml::file_exact(path)))
    }

    /// Adds the environment: old names, then `LLMGW_SECTION__FIELD`.
    #[must_use]
    pub fn environment(self) -> Self {
        let old = Env::raw()
            .only(&OLD_NAMES.map(|(name, _)| name))
            .map(|name| {
                let key = OLD_NAMES.iter().find(|(old, _)| name == *old).map_or("", |(_, key)| key);
                key.into()
            })
            .split(".");
        // Without `__` it is no setting: LLMGW_UPSTREAM_... are secrets that targets refer to.
        let new = Env::prefixed("LLMGW_").filter(|name| name.as_str().contains("__")).split("__");
        Self(self.0.merge(old).merge(new))
    }

    /// Adds one value, as a flag does; `None` changes nothing.
    #[must_use]
    pub fn flag(self, key: &str, value: Option<impl Serialize>) -> Self {
        match value {
            Some(value) => Self(self.0.merge(Serialized::default(key, value))),
            None => self,
        }
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// When a key is unknown or a value does not fit.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        self.0.extract().map_err(|error| ConfigError(error.to_string()))
    }
}
