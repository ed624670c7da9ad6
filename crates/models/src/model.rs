//! A model as clients see it, and the places that serve it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use llmgw_types::{Endpoint, GroupName, Limit, ModelId, Price, Revision, TargetId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{ModelError, SealedSecret};

/// A public model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The name clients send.
    pub id: ModelId,
    /// Other names that mean this model.
    pub aliases: Vec<ModelId>,
    /// Shown in the list of models.
    pub owned_by: String,
    /// Endpoints it serves; empty: all.
    pub endpoints: Vec<Endpoint>,
    /// Where it is served, first choice first. Empty: at the default upstream, under its own id.
    pub targets: Vec<Target>,
    /// What it costs.
    pub price: Price,
    /// Who may use it.
    pub access: Access,
    /// Models to try when no target of this one can be reached.
    pub fallbacks: Vec<ModelId>,
    /// How long to wait for its servers.
    pub timeouts: Timeouts,
    /// Limits over everybody who uses it.
    pub limits: Vec<Limit>,
    /// Completion tokens assumed for admission when the request names no maximum.
    pub default_answer_tokens: u64,
    /// Tokens that prompt and answer together may have, where that is known; shown to people, not enforced.
    #[serde(default)]
    pub context: Option<u32>,
    /// Whether it is served.
    pub state: ModelState,
    /// When it was made.
    pub created_at: Timestamp,
    /// How often it was changed.
    #[serde(default)]
    pub revision: Revision,
}

impl Model {
    /// A model with the defaults: everyone may use it, free, served at the default upstream.
    #[must_use]
    pub fn new(id: ModelId, created_at: Timestamp) -> Self {
        Self {
            id,
            aliases: Vec::new(),
            owned_by: "llmgateway".to_owned(),
            endpoints: Vec::new(),
            targets: Vec::new(),
            price: Price::default(),
            access: Access::Everyone,
            fallbacks: Vec::new(),
            timeouts: Timeouts::default(),
            limits: Vec::new(),
            default_answer_tokens: 1_024,
            context: None,
            state: ModelState::Active,
            created_at,
            revision: Revision::default(),
        }
    }

    /// Whether a user in `groups` may use it.
    #[must_use]
    pub fn allows(&self, groups: &[GroupName]) -> bool {
        match &self.access {
            Access::Everyone => true,
            Access::Groups(allowed) => allowed.iter().any(|group| groups.contains(group)),
        }
    }

    /// Whether it serves `endpoint`.
    #[must_use]
    pub fn serves(&self, endpoint: Endpoint) -> bool {
        self.endpoints.is_empty() || self.endpoints.contains(&endpoint)
    }
}

/// Who may use a model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Every active user.
    #[default]
    Everyone,
    /// Users in any of these groups.
    Groups(Vec<GroupName>),
}

/// Whether a model is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelState {
    /// It is.
    #[default]
    Active,
    /// It is not: clients see it as unknown.
    Disabled,
}

/// A place to send requests to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its name in records and metrics; unique within the model.
    pub id: TargetId,
    /// Scheme, host and port, and a path to put before `/v1/...` if any; no slash at its end.
    pub base_url: String,
    /// The name the model server knows the model by; `None`: the public id.
    pub model: Option<String>,
    /// The secret it is called with.
    pub secret: SecretRef,
    /// Its share of requests beside other targets, 1 to 1000.
    pub weight: u32,
    /// The most requests to run there at once.
    pub max_in_flight: Option<u32>,
    /// Ways in which it differs from what its dialect promises.
    pub quirks: Vec<Quirk>,
}

impl Target {
    /// Where the default upstream at `url` has `model`.
    #[must_use]
    pub fn at_default(url: &str, model: &ModelId) -> Option<Self> {
        Some(Self {
            id: TargetId::parse("default").ok()?,
            base_url: format!("{}/{model}", url.trim_end_matches('/')),
            model: None,
            secret: SecretRef::Default,
            weight: 1,
            max_in_flight: None,
            quirks: Vec::new(),
        })
    }

    /// Whether it has `quirk`.
    #[must_use]
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }
}

/// A way in which a model server differs from its dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quirk {
    /// Do not ask it for usage in streams: it refuses `stream_options`, or its answer to clients who did not
    /// ask should stay exactly as it is. llama.cpp moves `timings` into the usage event when asked; not asked,
    /// it leaves them in the finish chunk, where tokens are read from them.
    NoStreamUsage,
    /// Asked for several answers (`n`, `best_of`, a list of prompts), it reports the tokens of the first only, as
    /// llama.cpp does. What it reports then is a part of what is charged, and the record says `estimated`.
    FirstChoiceOnly,
    /// Its streams say with every piece how many tokens it took so far. So what came last is what counts also
    /// where a stream broke off or its client left, and pieces are not counted beside it.
    Cumulative,
}

impl Quirk {
    /// Every quirk, in the order of the reference.
    pub const ALL: [Self; 3] = [Self::NoStreamUsage, Self::FirstChoiceOnly, Self::Cumulative];

    /// The word used in JSON and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoStreamUsage => "no_stream_usage",
            Self::FirstChoiceOnly => "first_choice_only",
            Self::Cumulative => "cumulative",
        }
    }
}

/// How long to wait for a model server, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// From the request's last byte to the head of the answer. Long: a prompt is read in this time.
    pub first_byte_ms: u64,
    /// Between two reads of a begun answer.
    pub idle_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_byte_ms: 600_000,
            idle_ms: 300_000,
        }
    }
}

impl Timeouts {
    /// For the head of the answer.
    #[must_use]
    pub const fn first_byte(&self) -> Duration {
        Duration::from_millis(self.first_byte_ms)
    }

    /// Between two reads.
    #[must_use]
    pub const fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }
}

/// Where a target's secret is kept. Nothing else can be named, so that a target cannot carry away another
/// secret of the service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretRef {
    /// It needs none.
    #[default]
    None,
    /// `default`: the default upstream secret (`upstream.default_key`). Only the service itself writes this,
    /// for targets at the default upstream or named on its command line.
    Default,
    /// `env:NAME`: an environment variable that [may hold a secret](Self::is_variable) of a target.
    Env(String),
    /// `file:NAME`: a file under `[secrets] dir`; no path, just its name.
    File(String),
    /// `sealed:...`: it was given to the administration, and is kept here, encrypted.
    Sealed(SealedSecret),
}

impl SecretRef {
    /// Whether an environment variable of this name may hold a target's secret: it begins with
    /// `LLMGW_UPSTREAM_`, and is not a setting of `[upstream]` (`LLMGW_UPSTREAM__...`, the default secret
    /// among them).
    #[must_use]
    pub fn is_variable(name: &str) -> bool {
        name.strip_prefix("LLMGW_UPSTREAM_")
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('_'))
    }
}

impl FromStr for SecretRef {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let word = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let file = |name: &str| {
            !name.is_empty()
                && !name.starts_with('.')
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        match text.split_once(':') {
            None if text.is_empty() => Ok(Self::None),
            None if text == "default" => Ok(Self::Default),
            Some(("env", name)) if Self::is_variable(name) && word(name) => Ok(Self::Env(name.to_owned())),
            Some(("file", name)) if file(name) => Ok(Self::File(name.to_owned())),
            Some(("sealed", _)) => SealedSecret::parse(text)
                .map(Self::Sealed)
                .ok_or(ModelError::SecretRef),
            // The text is not repeated: somebody may have put the secret itself here.
            _ => Err(ModelError::SecretRef),
        }
    }
}

impl TryFrom<String> for SecretRef {
    type Error = ModelError;

    fn try_from(text: String) -> Result<Self, ModelError> {
        text.parse()
    }
}

impl From<SecretRef> for String {
    /// As it is kept: with all of a sealed secret.
    fn from(secret: SecretRef) -> Self {
        match secret {
            SecretRef::Sealed(sealed) => sealed.as_str().to_owned(),
            other => other.to_string(),
        }
    }
}

/// As it is shown: of a sealed secret only that it is one.
impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Default => f.write_str("default"),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(name) => write!(f, "file:{name}"),
            Self::Sealed(_) => f.write_str("sealed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_is_kept_whole_and_shown_as_a_word() {
        let text = "sealed:v1:0a1b2c3d:AbC";
        let secret: SecretRef = text.parse().unwrap();
        assert_eq!(String::from(secret.clone()), text);
        assert_eq!(secret.to_string(), "sealed");
        assert!(!format!("{secret:?}").contains("AbC"));
    }

    #[test]
    fn secret_refs_name_only_what_a_target_may_have() {
        for good in [
            "",
            "default",
            "env:LLMGW_UPSTREAM_A",
            "env:LLMGW_UPSTREAM_X__Y",
            "file:vllm.key",
            "sealed:v1:0a1b2c3d:AbC-_9",
        ] {
            assert_eq!(good.parse::<SecretRef>().map(String::from), Ok(good.to_owned()));
        }
        for bad in [
            "env:ADMIN_KEY",
            "env:LLMGW_UPSTREAM_",
            "env:LLMGW_UPSTREAM__DEFAULT_KEY",
            "file:../pepper",
            "file:/etc/passwd",
            "file:.x",
            "sk-secret",
            "sealed:",
            "sealed:a b",
            "env:LLMGW_UPSTREAM_A B",
        ] {
            let error = bad.parse::<SecretRef>().unwrap_err();
            assert!(!error.to_string().contains("sk-secret"), "{error}");
        }
    }
}
