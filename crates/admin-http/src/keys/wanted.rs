//! Keys as callers send them.

use llmgw_keys::{ApiKey, KeyError, KeyState, KeyText};
use llmgw_types::{ExposeSecret, KeyId, Limit, ModelId, SecretString, Timestamp};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::patch::{given, optional_secret};
use crate::problem::Problem;
use crate::words;

/// A new key as the API takes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedKey {
    /// The owner's name; an unknown owner is made.
    #[schema(value_type = words::Name)]
    pub owner: String,
    /// The key's name, `key` unless given.
    #[schema(value_type = Option<words::Name>)]
    pub name: Option<String>,
    /// Models it may use; empty: all the owner may.
    #[serde(default)]
    #[schema(value_type = Vec<words::ModelName>)]
    pub models: Vec<ModelId>,
    /// Its own limits.
    #[serde(default)]
    #[schema(value_type = Vec<words::Limit>)]
    pub limits: Vec<Limit>,
    /// From when on it is refused.
    #[schema(value_type = Option<words::Time>)]
    pub expires_at: Option<Timestamp>,
    /// The text of a key that was made elsewhere and shall go on working: 16 to 256 visible characters. Left out: a
    /// fresh one is made.
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>, write_only, min_length = 16, max_length = 256, pattern = "^[!-~]+$")]
    pub text: Option<SecretString>,
}

impl WantedKey {
    /// A key of `owner` with nothing else said.
    #[must_use]
    pub fn of(owner: String) -> Self {
        Self {
            owner,
            name: None,
            models: Vec::new(),
            limits: Vec::new(),
            expires_at: None,
            text: None,
        }
    }

    /// The text that was given, checked.
    pub(super) fn take_text(&mut self) -> Result<Option<KeyText>, Problem> {
        let text = self.text.take();
        let read = text.map(|text| KeyText::ours_or_imported(text.expose_secret().trim()));
        // What was given is not repeated: it may be nearly a key.
        read.transpose().map_err(|_| {
            Problem::invalid("text: a key has 16 to 256 visible characters, and one of ours its checksum")
        })
    }
}

/// Which keys to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only of this owner, by name or id.
    pub owner: Option<String>,
    /// Only those in this state.
    #[param(value_type = Option<words::KeyStateName>)]
    pub state: Option<KeyState>,
    /// The last key of the page before.
    #[param(value_type = Option<words::Id>)]
    pub after: Option<KeyId>,
    /// Keys on a page, 100 unless given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
}

/// What to change of a key.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PatchedKey {
    /// Another name.
    #[schema(value_type = Option<words::Name>, nullable = false)]
    pub name: Option<String>,
    /// Models it may use; empty: all its owner may.
    #[schema(value_type = Option<Vec<words::ModelName>>, nullable = false)]
    pub models: Option<Vec<ModelId>>,
    /// Its own limits.
    #[schema(value_type = Option<Vec<words::Limit>>, nullable = false)]
    pub limits: Option<Vec<Limit>>,
    /// From when on it is refused; null: never.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<words::Time>)]
    pub expires_at: Option<Option<Timestamp>>,
}

impl PatchedKey {
    pub(super) fn apply(&self, key: &mut ApiKey, now: Timestamp) -> Result<(), KeyError> {
        if key.state == KeyState::Revoked {
            return Err(KeyError::Invalid(
                "this key is revoked and stays as it is".to_owned(),
            ));
        }
        if let Some(name) = &self.name {
            key.name.clone_from(name);
        }
        if let Some(models) = &self.models {
            key.models.clone_from(models);
        }
        if let Some(limits) = &self.limits {
            key.limits.clone_from(limits);
        }
        if let Some(expires_at) = self.expires_at {
            if expires_at.is_some_and(|end| end <= now) {
                return Err(KeyError::Invalid(
                    "expires_at: lies in the past; revoke the key instead".to_owned(),
                ));
            }
            key.expires_at = expires_at;
        }
        Ok(())
    }
}

/// How a key is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotated {
    /// For how many seconds the old one goes on; 24 hours unless given.
    #[schema(maximum = 4294967295_i64)]
    pub(crate) overlap_seconds: Option<u32>,
}
