//! Puts the layers together.

use std::fmt;
use std::path::Path;

use figment::providers::{Env, Format, Serialized, Toml};
use figment::util::nest;
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};
use llmgw_models::SecretRef;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is wrong with the settings; names the key and the layer it came from.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// Layers of settings, added low to high.
#[derive(Default)]
pub struct Layers(Figment);

/// Environment variables whose value is a text, also where it looks like a number or a list: `0012` is a secret
/// of four characters. Empty is not set. Every secret is among them, and the names that the system before this
/// one used; of two names of one setting the later counts.
const TEXTS: [(&str, &str); 6] = [
    ("LLM_DEFAULT_URL", "upstream.default_url"),
    ("INFERENCE_KEY", "upstream.default_key"),
    ("ADMIN_KEY", "admin.key"),
    ("LLMGW_UPSTREAM__DEFAULT_URL", "upstream.default_url"),
    ("LLMGW_UPSTREAM__DEFAULT_KEY", "upstream.default_key"),
    ("LLMGW_ADMIN__KEY", "admin.key"),
];

impl fmt::Debug for Layers {
    // The values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers").finish_non_exhaustive()
    }
}

impl Layers {
    /// Adds a TOML file, which must be there.
    #[must_use]
    pub fn file(self, path: &Path) -> Self {
        Self(self.0.merge(DiscreetToml::file_exact(path)))
    }

    /// Adds the environment: old names, then `LLMGW_SECTION__FIELD`.
    #[must_use]
    pub fn environment(self) -> Self {
        let texts = TEXTS.into_iter().filter_map(|(name, key)| {
            let (_, value) = Env::raw().only(&[name]).iter().next()?;
            (!value.is_empty()).then_some(TextVariable { name, key, value })
        });
        let layers = texts.fold(self.0, Figment::merge);
        let others = Env::prefixed("LLMGW_")
            .filter(|rest| is_setting(&format!("LLMGW_{}", rest.as_str().to_ascii_uppercase())))
            .split("__");
        Self(layers.merge(others))
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
    /// When a key is unknown or a value does not fit. Secrets are not in the message.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        self.0.extract().map_err(|errors| {
            let named: Vec<_> = errors.into_iter().map(|error| named(&error)).collect();
            ConfigError(named.join("; "))
        })
    }
}

// Which key, what is wrong with it, and which layer said so.
fn named(error: &Error) -> String {
    let layer = error.metadata.as_ref().map(|layer| match &layer.source {
        Some(source) => format!(" (in {source})"),
        None => format!(" (in {})", layer.name),
    });
    let key = match &*error.path.join(".").to_ascii_lowercase() {
        "" => String::new(),
        key => format!("{key}: "),
    };
    format!("{key}{}{}", error.kind, layer.unwrap_or_default())
}

// A variable without `__` is no setting, and those that targets name hold their secrets.
fn is_setting(variable: &str) -> bool {
    variable.contains("__")
        && !SecretRef::is_variable(variable)
        && TEXTS.iter().all(|(text, _)| *text != variable)
}

/// One of [`TEXTS`].
struct TextVariable {
    name: &'static str,
    key: &'static str,
    value: String,
}

impl Provider for TextVariable {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("environment variable `{}`", self.name))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let nested = nest(self.key, Value::from(self.value.as_str()));
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

/// TOML; what is wrong with it is told without showing the line, which may hold a secret.
struct DiscreetToml;

impl Format for DiscreetToml {
    type Error = Error;

    const NAME: &'static str = "TOML";

    fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
        Toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            Error::from(format!("line {line}: {}", error.message().replace('\n', ", ")))
        })
    }
}

#[cfg(test)]
mod tests;
