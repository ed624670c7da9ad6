//! Puts the layers together.

use std::fmt;
use std::path::Path;

use figment::error::Kind as Mistake;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::environment::variables;
use super::secret::Fault;
use super::{table, unknown};

/// What is wrong with the settings: names each key, the layer it came from, and what mends it. No secret is in it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// Layers of settings, added low to high.
pub struct Layers {
    figment: Figment,
    /// The sections of this program.
    ours: Vec<String>,
    /// Those, and the sections it passes over.
    sections: Vec<String>,
    /// What is wrong with single layers.
    mistakes: Vec<String>,
}

impl fmt::Debug for Layers {
    // The values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers").finish_non_exhaustive()
    }
}

impl Layers {
    /// The lowest layer: what holds where nothing is set. Its fields are the sections of this program.
    #[must_use]
    pub fn over(defaults: &impl Serialize) -> Self {
        let figment = Figment::from(Named {
            name: "the defaults".to_owned(),
            layer: Serialized::defaults(defaults),
        });
        let data = figment.data().unwrap_or_default();
        let ours: Vec<String> = data.into_values().flat_map(Dict::into_keys).collect();
        Self {
            figment,
            sections: ours.clone(),
            ours,
            mistakes: Vec::new(),
        }
    }

    /// Passes over these sections, which other programs read from the same file.
    #[must_use]
    pub fn passing_over(mut self, sections: &[&str]) -> Self {
        self.sections
            .extend(sections.iter().map(|section| (*section).to_owned()));
        self
    }

    /// Adds a TOML file, which must be there.
    #[must_use]
    pub fn file(mut self, path: &Path) -> Self {
        if let Err(error) = std::fs::read_to_string(path) {
            let path = path.display();
            let mistake = format!("--config: cannot read {path}: {error}; name another file");
            self.mistakes.push(mistake);
            return self;
        }
        self.merge(DiscreetToml::file_exact(path))
    }

    /// Adds the environment: old names, then `LLMGW_SECTION__FIELD`. Old names of sections that this program does
    /// not have are passed over.
    #[must_use]
    pub fn environment(self) -> Self {
        variables().into_iter().fold(self, |layers, variable| {
            let section = variable.key.split('.').next().unwrap_or_default();
            let ours = layers.sections.iter().any(|known| known == section);
            let is_new = variable.name.to_ascii_uppercase().starts_with("LLMGW_");
            if ours || is_new {
                layers.merge(variable)
            } else {
                layers
            }
        })
    }

    /// Adds one value, as the flag `name` does; `None` changes nothing.
    #[must_use]
    pub fn flag(self, name: &str, key: &str, value: Option<impl Serialize>) -> Self {
        match value {
            Some(value) => self.merge(Named {
                name: format!("flag {name}"),
                layer: Serialized::default(key, value),
            }),
            None => self,
        }
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// When a key is unknown or a value does not fit. Secrets are not in the message.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let told = |errors: Error| {
            let told: Vec<_> = errors.into_iter().map(|error| self.told(&error)).collect();
            ConfigError(told.join("; "))
        };
        if !self.mistakes.is_empty() {
            return Err(ConfigError(self.mistakes.join("; ")));
        }
        self.figment.extract().map_err(told)
    }

    /// Names the layer that a fault came from.
    #[must_use]
    pub fn blame(&self, fault: &Fault) -> ConfigError {
        ConfigError(format!("{fault} (in {})", self.layer(&fault.key)))
    }

    /// The layer that has the last word on a key.
    pub(super) fn layer(&self, key: &str) -> String {
        layer(self.figment.find_metadata(key))
    }

    /// The value of a key, as the highest layer wrote it.
    pub(super) fn value(&self, key: &str) -> Option<Value> {
        self.figment.find_value(key).ok()
    }

    /// The sections of this program, in the order of the reference.
    pub fn sections(&self) -> impl Iterator<Item = &'static str> {
        let all = table::SECTIONS.iter().map(|(name, _)| *name);
        all.filter(|name| self.ours.iter().any(|ours| ours == name))
    }

    // Each layer is looked at by itself: a higher one may hide what is wrong in it.
    fn merge(mut self, provider: impl Provider) -> Self {
        let layer = layer(Some(&provider.metadata()));
        // What cannot be read at all is told by `read`.
        for (section, value) in provider.data().into_iter().flatten().flat_map(|(_, data)| data) {
            self.look_for_unknown(&section, &value, &layer);
        }
        self.figment = self.figment.merge(provider);
        self
    }

    fn look_for_unknown(&mut self, section: &str, value: &Value, layer: &str) {
        let ours = self.sections.iter().any(|known| known == section);
        let unknown: Vec<String> = match value {
            Value::Dict(_, keys) if ours || !keys.is_empty() => keys
                .keys()
                .filter(|name| !ours || table::find(section, name).is_none())
                .map(|name| format!("{section}.{name}"))
                .collect(),
            _ if ours => {
                let what = format!("is a section and not a value; write settings below [{section}]");
                self.mistakes.push(format!("{section}: {what} (in {layer})"));
                return;
            }
            _ => vec![section.to_owned()],
        };
        self.mistakes.extend(unknown.iter().map(|key| {
            let mend = unknown::mend(key, &self.ours);
            format!("{key}: there is no such setting; {mend} (in {layer})")
        }));
    }

    // Which key, what is wrong with it, what mends it, and which layer said so.
    fn told(&self, error: &Error) -> String {
        let layer = layer(error.metadata.as_ref());
        let mut path = error.path.iter().map(|part| part.to_ascii_lowercase());
        let (section, name) = (path.next(), path.next());
        let (Some(section), Some(name)) = (section, name) else {
            return format!("{} (in {layer})", error.kind);
        };
        let Some(setting) = table::find(&section, &name) else {
            return format!("{section}.{name}: {} (in {layer})", error.kind);
        };
        let what = if setting.kind.is_secret() {
            // The complaint would show the value.
            "it cannot be used".to_owned()
        } else {
            complaint(&error.kind)
        };
        let mend = setting.kind.words();
        format!("{section}.{name}: {what}; write {mend} (in {layer})")
    }
}

fn complaint(mistake: &Mistake) -> String {
    match mistake {
        Mistake::UnknownVariant(found, _) => format!("there is no `{found}`"),
        Mistake::InvalidValue(found, _) | Mistake::InvalidType(found, _) => format!("it cannot be {found}"),
        other => other.to_string(),
    }
}

fn layer(metadata: Option<&Metadata>) -> String {
    match metadata {
        Some(Metadata {
            source: Some(figment::Source::File(path)),
            ..
        }) => path.display().to_string(),
        Some(layer) => layer.name.to_string(),
        None => "the defaults".to_owned(),
    }
}

/// A layer under a name for people.
struct Named<P> {
    name: String,
    layer: P,
}

impl<P: Provider> Provider for Named<P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        self.layer.data()
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
            let what = match error.message().replace('\n', ", ") {
                silent if silent.is_empty() => "its value is missing".to_owned(),
                what => what,
            };
            Error::from(format!("line {line} is not TOML: {what}; mend that line"))
        })
    }
}

#[cfg(test)]
mod tests;
