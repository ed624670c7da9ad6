//! A model as callers send it.

use std::str::FromStr;

use llmgw_models::{
    Access, Model, ModelError, ModelState, Quirk, SecretRef, SecretSealer, Target, Timeouts, base_url,
};
use llmgw_types::{Endpoint, ExposeSecret, Limit, ModelId, Price, SecretString, TargetId, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;

use crate::patch::optional_secret;
use crate::problem::Problem;
use crate::words;

/// The longest secret, in bytes: what fits a header.
const LONGEST_SECRET: usize = 4_096;

/// A model as the API takes it. What is left out has its default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedModel {
    /// Its id; where a model is replaced it stands in the path and may be left out.
    #[schema(value_type = Option<words::ModelName>)]
    pub id: Option<ModelId>,
    /// Further names of it.
    #[serde(default)]
    #[schema(value_type = Vec<words::ModelName>)]
    pub aliases: Vec<ModelId>,
    /// Who runs it, as `/v1/models` says.
    pub owned_by: Option<String>,
    /// What it serves; empty: everything.
    #[serde(default)]
    #[schema(value_type = Vec<words::EndpointName>)]
    pub endpoints: Vec<Endpoint>,
    /// Where it is, first choice first; empty: at the default upstream.
    #[serde(default)]
    pub targets: Vec<WantedTarget>,
    /// What it costs.
    #[serde(default)]
    #[schema(value_type = words::Price)]
    pub price: Price,
    /// Who may use it.
    #[serde(default)]
    #[schema(value_type = words::Access)]
    pub access: Access,
    /// Models that take over.
    #[serde(default)]
    #[schema(value_type = Vec<words::ModelName>)]
    pub fallbacks: Vec<ModelId>,
    /// How long to wait for it.
    #[serde(default)]
    #[schema(value_type = words::Timeouts)]
    pub timeouts: Timeouts,
    /// Limits of all its use.
    #[serde(default)]
    #[schema(value_type = Vec<words::Limit>)]
    pub limits: Vec<Limit>,
    /// Tokens reserved for an answer whose request names no most.
    #[schema(minimum = 1, maximum = 4294967295_i64)]
    pub default_answer_tokens: Option<u64>,
    /// Tokens that prompt and answer together may have; shown to people.
    #[schema(maximum = 4294967295_i64)]
    pub context: Option<u32>,
    /// Whether it is served.
    #[serde(default)]
    #[schema(value_type = words::Switch)]
    pub state: ModelState,
    /// Passed over: an answer of this API can be sent back as it is.
    #[serde(default)]
    #[schema(value_type = Option<words::Time>)]
    pub created_at: IgnoredAny,
    /// Passed over; `If-Match` says what was seen.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    pub revision: IgnoredAny,
}

/// Where a target's secret is, as callers say it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum WantedSecret {
    /// Where it is named.
    Ref(SecretRef),
    /// `sealed`: it was given, and stays.
    Sealed,
}

impl Default for WantedSecret {
    fn default() -> Self {
        Self::Ref(SecretRef::None)
    }
}

impl FromStr for WantedSecret {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        if text == "sealed" {
            return Ok(Self::Sealed);
        }
        match text.parse()? {
            // Whoever has such a text has it from a store.
            SecretRef::Sealed(_) => Err(ModelError::SecretRef),
            named => Ok(Self::Ref(named)),
        }
    }
}

impl TryFrom<String> for WantedSecret {
    type Error = ModelError;

    fn try_from(text: String) -> Result<Self, ModelError> {
        text.parse()
    }
}

/// A target as the API takes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedTarget {
    /// Its id, made of the address unless given.
    #[schema(value_type = Option<words::TargetName>)]
    pub id: Option<TargetId>,
    /// Where it is; `path` and `/v1/...` come behind.
    #[schema(value_type = words::Address)]
    pub base_url: String,
    /// What comes behind the address.
    #[serde(default)]
    pub path: String,
    /// Its own name for the model.
    pub model: Option<String>,
    /// Where the secret is: empty (none), `env:LLMGW_UPSTREAM_...`, `file:NAME`; `sealed` keeps the one that was given
    /// for this target at this address.
    #[serde(default)]
    #[schema(value_type = String)]
    pub secret: WantedSecret,
    /// The secret itself, to be kept encrypted. No answer has it.
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<words::SecretText>)]
    pub secret_text: Option<SecretString>,
    /// Its share, 1 unless given.
    #[schema(minimum = 1, maximum = 1000)]
    pub weight: Option<u32>,
    /// Requests it takes at once.
    #[schema(minimum = 1, maximum = 4294967295_i64)]
    pub max_in_flight: Option<u32>,
    /// What it does otherwise than it should.
    #[serde(default)]
    #[schema(value_type = Vec<words::QuirkName>)]
    pub quirks: Vec<Quirk>,
}

impl WantedModel {
    /// A model with nothing else said.
    #[must_use]
    pub fn named(id: ModelId) -> Self {
        Self {
            id: Some(id),
            aliases: Vec::new(),
            owned_by: None,
            endpoints: Vec::new(),
            targets: Vec::new(),
            price: Price::default(),
            access: Access::default(),
            fallbacks: Vec::new(),
            timeouts: Timeouts::default(),
            limits: Vec::new(),
            default_answer_tokens: None,
            context: None,
            state: ModelState::default(),
            created_at: IgnoredAny,
            revision: IgnoredAny,
        }
    }

    // `before`: the targets it has already. Secrets that are given are sealed by `sealer`.
    pub(crate) fn model(
        self,
        id: ModelId,
        created_at: Timestamp,
        before: &[Target],
        sealer: Option<&dyn SecretSealer>,
    ) -> Result<Model, Problem> {
        let new = Model::new(id, created_at);
        let targets = self
            .targets
            .into_iter()
            .map(|wanted| wanted.target(before, sealer));
        let targets = targets.collect::<Result<_, _>>()?;
        Ok(Model {
            aliases: self.aliases,
            owned_by: self.owned_by.unwrap_or(new.owned_by),
            endpoints: self.endpoints,
            targets,
            price: self.price,
            access: self.access,
            fallbacks: self.fallbacks,
            timeouts: self.timeouts,
            limits: self.limits,
            default_answer_tokens: self.default_answer_tokens.unwrap_or(new.default_answer_tokens),
            context: self.context,
            state: self.state,
            ..new
        })
    }
}

impl WantedTarget {
    /// A target with nothing else said.
    #[must_use]
    pub fn at(base_url: String, path: String) -> Self {
        Self {
            id: None,
            base_url,
            path,
            model: None,
            secret: WantedSecret::default(),
            secret_text: None,
            weight: None,
            max_in_flight: None,
            quirks: Vec::new(),
        }
    }

    // A place of the default upstream, which is sent its secret.
    pub(super) fn at_default_upstream(self) -> Result<Target, Problem> {
        let place = self.target(&[], None)?;
        let secret = SecretRef::Default;
        Ok(Target { secret, ..place })
    }

    fn target(self, before: &[Target], sealer: Option<&dyn SecretSealer>) -> Result<Target, Problem> {
        let base_url = base_url(&format!(
            "{}{}",
            self.base_url.trim_end_matches('/'),
            path(&self.path)
        ))?;
        let id = match self.id {
            Some(id) => id,
            None => TargetId::parse(base_url.split_once("://").map_or(&*base_url, |(_, rest)| rest))
                .map_err(|error| Problem::invalid(error.to_string()))?,
        };
        let place = before.iter().find(|had| had.id == id && had.base_url == base_url);
        let secret = match (self.secret_text, self.secret) {
            (None, WantedSecret::Ref(secret)) => secret,
            (None, WantedSecret::Sealed) => kept(place)?,
            (Some(text), WantedSecret::Ref(SecretRef::None) | WantedSecret::Sealed) => {
                sealed(sealer, &text, &base_url)?
            }
            (Some(_), WantedSecret::Ref(_)) => {
                return Err(Problem::invalid(
                    "secret_text: `secret` names another one; give one of them",
                ));
            }
        };
        let target = Target {
            id,
            base_url,
            model: self.model,
            secret,
            weight: self.weight.unwrap_or(1),
            max_in_flight: self.max_in_flight,
            quirks: self.quirks,
        };
        if target.secret == SecretRef::Default && !before.iter().any(|had| same_place(had, &target)) {
            return Err(Problem::invalid(
                "secret: `default` is sent to the default upstream only; name another by `env:` or `file:`",
            ));
        }
        Ok(target)
    }
}

// The sealed secret of a target that is there.
fn kept(place: Option<&Target>) -> Result<SecretRef, Problem> {
    let secret = place.map(|target| &target.secret);
    let secret = secret.filter(|secret| matches!(secret, SecretRef::Sealed(_)));
    secret.cloned().ok_or_else(|| {
        Problem::invalid(
            "secret: none was given for this target at this address; give it again as `secret_text`, so that it is sent \
             nowhere without your word",
        )
    })
}

fn sealed(
    sealer: Option<&dyn SecretSealer>,
    text: &SecretString,
    base_url: &str,
) -> Result<SecretRef, Problem> {
    let sealer = sealer.ok_or_else(|| {
        Problem::invalid(
            "secret_text: no secret can be kept here; set secrets.master_key_file for gateways and administration, or \
             name the secret by `env:` or `file:`",
        )
    })?;
    let visible = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    let plain = text.expose_secret();
    if plain.is_empty() || plain.len() > LONGEST_SECRET || !visible(plain) || plain.trim() != plain {
        return Err(Problem::invalid(
            "secret_text: must have 1 to 4096 visible ASCII characters, and no blank at an end",
        ));
    }
    Ok(SecretRef::Sealed(sealer.seal(text, base_url)?))
}

// Whether `wanted` is sent the same secret at the same place as before.
fn same_place(before: &Target, wanted: &Target) -> bool {
    before.id == wanted.id && before.base_url == wanted.base_url && before.secret == wanted.secret
}

// `/v1/...` is put behind it.
fn path(path: &str) -> String {
    let path = path.trim_matches('/');
    if path.is_empty() {
        String::new()
    } else {
        format!("/{path}")
    }
}
