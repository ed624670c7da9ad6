//! `/api/v1/limits` and `/api/v1/groups`: limits that stand with no key, user or model; and what is left of all limits.

pub(crate) mod groups;
pub(crate) mod left;

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use llmgw_types::{Change, Limit, Revision};
use llmgw_usage::admission::SetLimits;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::{Admin, Planned};
use crate::caller::{Caller, Changer, Reader};
use crate::etag::{Seen, tagged};
use crate::problem::{Details, Problem};
use crate::words;

/// Limits of everyone together, and of each user who has none of their own.
#[derive(Debug, Serialize, ToSchema)]
pub struct Defaults {
    /// Over all users together.
    pub(crate) everyone: InForce,
    /// For each user.
    pub(crate) each_user: InForce,
    /// How often limits were set; the number in the `ETag`.
    #[schema(value_type = u32)]
    pub(crate) revision: Revision,
}

/// Limits, and who said so.
#[derive(Debug, Serialize, ToSchema)]
pub struct InForce {
    /// The limits.
    #[schema(value_type = Vec<words::Limit>)]
    pub(crate) limits: Vec<Limit>,
    /// `settings` (the gateways' files), or `set` (here).
    pub(crate) from: &'static str,
}

/// Limits to set. Those that are null are as the settings say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedDefaults {
    /// Over all users together.
    #[schema(value_type = Option<Vec<words::Limit>>)]
    pub everyone: Option<Vec<Limit>>,
    /// For each user who has no limits of their own.
    #[schema(value_type = Option<Vec<words::Limit>>)]
    pub each_user: Option<Vec<Limit>>,
}

fn in_force(set: Option<&Vec<Limit>>, settings: &[Limit]) -> InForce {
    InForce {
        limits: set.map_or(settings, Vec::as_slice).to_vec(),
        from: if set.is_some() { "set" } else { "settings" },
    }
}

impl Admin {
    fn defaults(&self, set: &SetLimits) -> Defaults {
        let settings = self.limits.settings();
        Defaults {
            everyone: in_force(set.everyone.as_ref(), &settings.everyone),
            each_user: in_force(set.each_user.as_ref(), &settings.each_user),
            revision: set.revision,
        }
    }

    /// Limits of everyone and of each user.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn default_limits(&self) -> Result<Defaults, Problem> {
        Ok(self.defaults(&self.limits.set().await?))
    }

    /// Sets limits of everyone and of each user. `seen`: only if limits have this revision.
    ///
    /// # Errors
    /// When they are not what was seen, or a store failed.
    pub async fn set_default_limits(
        &self,
        caller: &Caller,
        seen: Option<Revision>,
        wanted: WantedDefaults,
    ) -> Result<Defaults, Problem> {
        let noted = |set: &SetLimits| json!({"everyone": set.everyone, "each_user": set.each_user});
        let change = |set: &mut SetLimits| {
            set.everyone.clone_from(&wanted.everyone);
            set.each_user.clone_from(&wanted.each_user);
        };
        let set = self.set_limits(caller, seen, "limits".to_owned(), noted, change);
        Ok(self.defaults(&set.await?))
    }

    pub(crate) async fn set_limits(
        &self,
        caller: &Caller,
        seen: Option<Revision>,
        subject: String,
        noted: impl Fn(&SetLimits) -> Value,
        change: impl Fn(&mut SetLimits),
    ) -> Result<SetLimits, Problem> {
        let before = self.limits.set().await?;
        let mut after = before.clone();
        change(&mut after);
        let planned = Planned {
            action: "limits.set",
            subject,
            before: Some(noted(&before)),
            after: Some(noted(&after)),
        };
        let setting = async {
            let set = self.limits.change(seen, change).await?;
            self.feed.publish(Change::Limits).await?;
            Ok((set, None))
        };
        self.audited(caller, planned, setting).await
    }
}

/// Limits of everyone together and of each user.
#[utoipa::path(get, path = "/api/v1/limits", tag = "limits",
    responses((status = 200, body = Defaults, headers(("ETag" = String)))))]
pub(crate) async fn get(admin: Data<Admin>, _: Reader) -> Result<HttpResponse, Problem> {
    let defaults = admin.default_limits().await?;
    Ok(tagged(HttpResponse::Ok(), defaults.revision, defaults))
}

/// Sets limits of everyone together and of each user, in place of those in the settings.
#[utoipa::path(put, path = "/api/v1/limits", tag = "limits",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` that was seen.")),
    request_body = WantedDefaults,
    responses((status = 200, body = Defaults), (status = 412, body = Details), (status = 422, body = Details)))]
pub(crate) async fn set(
    admin: Data<Admin>,
    who: Changer,
    seen: Seen,
    wanted: Json<WantedDefaults>,
) -> Result<HttpResponse, Problem> {
    let defaults = admin
        .set_default_limits(&who.0, seen.0, wanted.into_inner())
        .await?;
    Ok(tagged(HttpResponse::Ok(), defaults.revision, defaults))
}
