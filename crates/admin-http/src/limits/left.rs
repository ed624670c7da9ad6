//! The limits that hold for somebody, and what is left of them.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use llmgw_keys::{ApiKey, User};
use llmgw_types::{KeyId, Timestamp, Unit, Window};
use llmgw_usage::admission::{Limited, RuleState, Subject};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::Admin;
use crate::caller::Reader;
use crate::problem::{Details, Problem};
use crate::words;

/// All limits that hold for a user or a key; those of models are not among them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Left {
    pub(crate) data: Vec<LeftLimit>,
}

/// A limit, and what is left of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftLimit {
    /// Whose: `key`, `user`, `group` or `everyone`.
    pub(crate) of: &'static str,
    /// Which key, user or group.
    pub(crate) name: Option<String>,
    /// `requests`, `tokens`, `cost` (billionths of the currency) or `in_flight`.
    #[schema(value_type = String)]
    pub(crate) unit: Unit,
    /// `minute`, `hour`, `day`, `month` or `none`.
    #[schema(value_type = String)]
    pub(crate) window: Window,
    /// The most.
    pub(crate) amount: u64,
    /// Used.
    pub(crate) used: u64,
    /// Held by running requests.
    pub(crate) reserved: u64,
    /// Left.
    pub(crate) remaining: u64,
    /// When it begins anew.
    #[schema(value_type = Option<words::Time>)]
    pub(crate) resets_at: Option<Timestamp>,
}

fn shown(state: &RuleState) -> LeftLimit {
    let (of, name) = match &state.rule.subject {
        Subject::Key(id) => ("key", Some(id.to_string())),
        Subject::User(id) => ("user", Some(id.to_string())),
        Subject::Group(group) => ("group", Some(group.to_string())),
        Subject::Model(model) => ("model", Some(model.to_string())),
        Subject::Everyone => ("everyone", None),
    };
    let limit = &state.rule.limit;
    LeftLimit {
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

impl Admin {
    /// The limits that hold for a user, and for one of their keys where one is given, with what is left.
    ///
    /// # Errors
    /// When a store failed.
    pub async fn limits_left(&self, user: &User, key: Option<&ApiKey>) -> Result<Left, Problem> {
        self.limits.refresh().await?;
        let whose = Limited {
            user: user.id,
            limits: &user.limits,
            groups: &user.groups,
        };
        let key = key.map(|key| (key.id, key.limits.as_slice()));
        let rules = self.limits.get().rules(key, whose);
        if rules.is_empty() {
            return Ok(Left { data: Vec::new() });
        }
        let states = self.admission.state(self.clock.now(), &rules).await?;
        Ok(Left {
            data: states.iter().map(shown).collect(),
        })
    }
}

/// The limits that hold for a user, and what is left of them.
#[utoipa::path(get, path = "/api/v1/users/{id}/limits", tag = "limits", params(("id" = String, Path, description = "A name or an id.")),
    responses((status = 200, body = Left), (status = 404, body = Details), (status = 503, body = Details)))]
pub(crate) async fn of_user(
    admin: Data<Admin>,
    _: Reader,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let user = admin.user(&id).await?;
    Ok(HttpResponse::Ok().json(admin.limits_left(&user, None).await?))
}

/// The limits that hold for a key, those of its owner among them, and what is left of them.
#[utoipa::path(get, path = "/api/v1/keys/{id}/limits", tag = "limits", params(("id" = words::Id, Path)),
    responses((status = 200, body = Left), (status = 404, body = Details), (status = 503, body = Details)))]
pub(crate) async fn of_key(admin: Data<Admin>, _: Reader, id: Path<KeyId>) -> Result<HttpResponse, Problem> {
    let key = admin.keys.get(*id).await?;
    let user = admin.users.get(key.owner).await?;
    Ok(HttpResponse::Ok().json(admin.limits_left(&user, Some(&key)).await?))
}
