//! What was used, what is left, and which models there are.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use llmgw_types::{Timestamp, Unit, Window};
use llmgw_usage::admission::{RuleState, Subject};
use llmgw_usage::ledger::ReportTotal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Problem;
use crate::errors::PageError;
use crate::facts::{self, Period};
use crate::portal::Portal;
use crate::session::Member;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct During {
    /// `1` (today), `7`, `30` or `month`.
    #[param(value_type = Option<String>)]
    days: Option<Period>,
}

impl During {
    pub(crate) fn period(&self) -> Period {
        self.days.unwrap_or_default()
    }
}

/// What was used in sum.
#[derive(Serialize, ToSchema)]
pub(crate) struct Total {
    /// Requests.
    requests: u64,
    /// Tokens that went in, cached ones among them.
    prompt_tokens: u64,
    /// Of these, taken from a cache.
    cached_tokens: u64,
    /// Tokens that came out, of reasoning among them.
    completion_tokens: u64,
    /// Cost, in billionths of the currency.
    cost_nanos: i64,
}

/// A part of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Part {
    /// A model, a key, or the beginning of an hour or day.
    name: String,
    /// The sum.
    #[serde(flatten)]
    total: Total,
}

/// What was used.
#[derive(Serialize, ToSchema)]
pub(crate) struct Usage {
    /// From when on.
    #[schema(value_type = String)]
    from: Timestamp,
    /// All of it.
    total: Total,
    /// By model.
    by_model: Vec<Part>,
    /// By key.
    by_key: Vec<Part>,
    /// By hour for a day, else by day; those without use are left out.
    over_time: Vec<Part>,
}

/// How far one limit is used up.
#[derive(Serialize, ToSchema)]
pub(crate) struct Limit {
    /// `user`, `key` or `group`.
    of: &'static str,
    /// Which key or group.
    name: Option<String>,
    /// `requests`, `tokens`, `cost` (billionths of the currency) or `in_flight`.
    #[schema(value_type = String)]
    unit: Unit,
    /// `minute`, `hour`, `day`, `month` or `none`.
    #[schema(value_type = String)]
    window: Window,
    /// The most.
    amount: u64,
    /// Used.
    used: u64,
    /// Held by running requests.
    reserved: u64,
    /// Left.
    remaining: u64,
    /// When it begins anew.
    #[schema(value_type = Option<String>)]
    resets_at: Option<Timestamp>,
}

/// All limits.
#[derive(Serialize, ToSchema)]
pub(crate) struct Limits {
    data: Vec<Limit>,
}

/// A model.
#[derive(Serialize, ToSchema)]
pub(crate) struct Model {
    /// What clients send as `model`.
    id: String,
    /// Other names of it.
    aliases: Vec<String>,
    /// Who runs it.
    owned_by: String,
    /// Tokens that prompt and answer together may have, where that is known.
    context: Option<u32>,
    /// Cost of a million prompt tokens, in billionths of the currency.
    prompt_nanos: i64,
    /// Of a million prompt tokens from a cache.
    cached_prompt_nanos: i64,
    /// Of a million completion tokens.
    completion_nanos: i64,
    /// The same for a million of what is not counted in tokens: seconds of sound, pictures, documents.
    unit_nanos: i64,
}

/// All models.
#[derive(Serialize, ToSchema)]
pub(crate) struct Models {
    data: Vec<Model>,
}

impl From<&ReportTotal> for Total {
    fn from(total: &ReportTotal) -> Self {
        Self {
            requests: total.requests,
            prompt_tokens: total.tokens.prompt,
            cached_tokens: total.tokens.cached,
            completion_tokens: total.tokens.completion,
            cost_nanos: total.cost.nanos(),
        }
    }
}

fn parts<T: ToString>(sums: &[(T, ReportTotal)]) -> Vec<Part> {
    sums.iter()
        .map(|(name, total)| Part {
            name: name.to_string(),
            total: total.into(),
        })
        .collect()
}

/// What one used.
#[utoipa::path(get, path = "/api/v1/me/usage", params(During), responses((status = 200, body = Usage), (status = 503, body = Problem)))]
pub(crate) async fn usage(
    portal: Data<Portal>,
    who: Member,
    during: Query<During>,
) -> Result<HttpResponse, PageError> {
    let (user, period) = (&who.0.user, during.period());
    let keys = portal.keys.own(user, portal.site.max_keys).list().await?;
    let used = facts::used(&portal, user, &keys, period).await?;
    Ok(HttpResponse::Ok().json(Usage {
        from: period.from(&portal),
        total: (&used.total).into(),
        by_model: parts(&used.by_model),
        by_key: parts(&used.by_key),
        over_time: parts(&used.over_time),
    }))
}

/// One's limits.
#[utoipa::path(get, path = "/api/v1/me/limits", responses((status = 200, body = Limits), (status = 503, body = Problem)))]
pub(crate) async fn limits(portal: Data<Portal>, who: Member) -> Result<HttpResponse, PageError> {
    let user = &who.0.user;
    let keys = portal.keys.own(user, portal.site.max_keys).list().await?;
    let states = facts::limits(&portal, user, &keys).await?;
    let data = states.iter().map(limit).collect();
    Ok(HttpResponse::Ok().json(Limits { data }))
}

fn limit(state: &RuleState) -> Limit {
    let (of, name) = match &state.rule.subject {
        Subject::Key(id) => ("key", Some(id.to_string())),
        Subject::User(_) => ("user", None),
        Subject::Group(group) => ("group", Some(group.to_string())),
        Subject::Model(model) => ("model", Some(model.to_string())),
        Subject::Everyone => ("everyone", None),
    };
    let limit = &state.rule.limit;
    Limit {
        of,
        name,
        unit: limit.unit(),
        window: limit.window(),
        amount: limit.amount(),
        used: state.used,
        reserved: state.reserved,
        remaining: state.remaining(),
        resets_at: state.resets_at,
    }
}

/// The models one may use.
#[utoipa::path(get, path = "/api/v1/me/models", responses((status = 200, body = Models), (status = 503, body = Problem)))]
pub(crate) async fn models(portal: Data<Portal>, who: Member) -> Result<HttpResponse, PageError> {
    let models = facts::models(&portal, &who.0.user).await?;
    let data = models
        .into_iter()
        .map(|model| Model {
            id: model.id.to_string(),
            aliases: model.aliases.iter().map(ToString::to_string).collect(),
            owned_by: model.owned_by,
            context: model.context,
            prompt_nanos: model.price.prompt.nanos(),
            cached_prompt_nanos: model.price.cached_prompt.nanos(),
            completion_nanos: model.price.completion.nanos(),
            unit_nanos: model.price.unit.nanos(),
        })
        .collect();
    Ok(HttpResponse::Ok().json(Models { data }))
}
