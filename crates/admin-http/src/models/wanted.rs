//! A model as callers send it.

use llmgw_models::{Access, Model, ModelState, Quirk, SecretRef, Target, Timeouts, base_url};
use llmgw_types::{Endpoint, Limit, ModelId, Price, TargetId, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::words;

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
    /// Where the secret is: empty (none), `env:LLMGW_UPSTREAM_...`, `file:NAME`.
    #[serde(default)]
    #[schema(value_type = String)]
    pub secret: SecretRef,
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

    // `before`: the targets it has already.
    pub(super) fn model(
        self,
        id: ModelId,
        created_at: Timestamp,
        before: &[Target],
    ) -> Result<Model, Problem> {
        let new = Model::new(id, created_at);
        let targets = self.targets.into_iter().map(|wanted| wanted.target(before));
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
            secret: SecretRef::None,
            weight: None,
            max_in_flight: None,
            quirks: Vec::new(),
        }
    }

    // A place of the default upstream, which is sent its secret.
    pub(super) fn at_default_upstream(self) -> Result<Target, Problem> {
        let place = self.target(&[])?;
        let secret = SecretRef::Default;
        Ok(Target { secret, ..place })
    }

    fn target(self, before: &[Target]) -> Result<Target, Problem> {
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
        let target = Target {
            id,
            base_url,
            model: self.model,
            secret: self.secret,
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
