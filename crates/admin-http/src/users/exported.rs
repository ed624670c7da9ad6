//! Everything that is kept about a user, for the user (GDPR, article 15).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use llmgw_keys::ApiKey;
use llmgw_usage::ledger::{Bucket, Dimension, ReportQuery};
use serde::Serialize;
use utoipa::ToSchema;

use super::ShownUser;
use crate::admin::Admin;
use crate::caller::Reader;
use crate::keys::ShownKey;
use crate::problem::{Details, Problem};
use crate::usage::Row;

/// Everything that is kept about a user. Prompts and answers are not kept at all.
#[derive(Debug, Serialize, ToSchema)]
pub struct Exported {
    /// Who they are.
    user: ShownUser,
    /// Their account at the institution.
    account: Option<String>,
    /// Their keys.
    keys: Vec<ShownKey>,
    /// What they used by day, key and model. Single requests: `/api/v1/usage/events?user=...`.
    usage: Vec<Row>,
}

impl Admin {
    /// Everything that is kept about the user of this name or id.
    ///
    /// # Errors
    /// When there is none or a store failed.
    pub async fn export_user(&self, text: &str) -> Result<Exported, Problem> {
        let user = self.user(text).await?;
        let query = ReportQuery {
            by: vec![Dimension::Key, Dimension::Model],
            bucket: Bucket::Day,
            user: Some(user.id),
            ..ReportQuery::default()
        };
        let usage = self.ledger.report(&query).await?;
        let keys: Vec<ApiKey> = self.users.keys_of(user.id).await?;
        let shown = |key| crate::keys::shown(key, user.name.clone());
        Ok(Exported {
            keys: keys.into_iter().map(shown).collect(),
            usage: usage.into_iter().map(|row| Row::of(row, None)).collect(),
            account: user.external_id.clone(),
            user: user.into(),
        })
    }
}

/// Everything that is kept about a user.
#[utoipa::path(get, path = "/api/v1/users/{id}/export", tag = "users", params(("id" = String, Path, description = "A name or an id.")),
    responses((status = 200, body = Exported), (status = 404, body = Details)))]
pub(crate) async fn export(admin: Data<Admin>, _: Reader, id: Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.export_user(&id).await?))
}
