//! Limits of groups.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use llmgw_types::{GroupName, Limit, Revision};
use llmgw_usage::admission::{GroupLimit, SetLimits};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::Admin;
use crate::caller::{Caller, Changer, Reader};
use crate::etag::{Seen, tagged};
use crate::problem::{Details, Problem};
use crate::words;

/// A group's limits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupLimits)]
pub struct ShownGroup {
    /// The group.
    #[schema(value_type = words::Group)]
    pub(crate) group: GroupName,
    /// For each member alone.
    #[schema(value_type = Vec<words::Limit>)]
    pub(crate) each: Vec<Limit>,
    /// For all members together.
    #[schema(value_type = Vec<words::Limit>)]
    pub(crate) shared: Vec<Limit>,
    /// `settings` (the gateways' files), or `set` (here).
    pub(crate) from: &'static str,
}

/// All groups that have limits.
#[derive(Debug, Serialize, ToSchema)]
pub struct Groups {
    /// By name.
    pub(crate) data: Vec<ShownGroup>,
    /// How often limits were set; the number in the `ETag`.
    #[schema(value_type = u32)]
    pub(crate) revision: Revision,
}

/// A group's limits as the API takes them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedGroup {
    /// For each member alone.
    #[serde(default)]
    #[schema(value_type = Vec<words::Limit>)]
    pub each: Vec<Limit>,
    /// For all members together.
    #[serde(default)]
    #[schema(value_type = Vec<words::Limit>)]
    pub shared: Vec<Limit>,
}

fn noted(group: &GroupName, set: &SetLimits) -> Value {
    let limits = set.groups.iter().find(|limits| limits.group == *group);
    limits.map_or(
        Value::Null,
        |limits| json!({"each": limits.each, "shared": limits.shared}),
    )
}

impl Admin {
    fn shown_groups(&self, set: &SetLimits) -> Vec<ShownGroup> {
        let ours = |group: &GroupName| set.groups.iter().any(|limits| limits.group == *group);
        let in_force = set.over(self.limits.settings());
        let mut shown: Vec<ShownGroup> = in_force
            .groups
            .into_iter()
            .map(|limits| ShownGroup {
                from: if ours(&limits.group) { "set" } else { "settings" },
                group: limits.group,
                each: limits.each,
                shared: limits.shared,
            })
            .collect();
        shown.sort_by(|one, other| one.group.cmp(&other.group));
        shown
    }

    /// All groups that have limits.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn groups(&self) -> Result<Groups, Problem> {
        let set = self.limits.set().await?;
        Ok(Groups {
            data: self.shown_groups(&set),
            revision: set.revision,
        })
    }

    fn one_group(&self, set: &SetLimits, group: &GroupName) -> Result<ShownGroup, Problem> {
        let mut groups = self.shown_groups(set).into_iter();
        groups
            .find(|shown| shown.group == *group)
            .ok_or_else(|| Problem::not_found("There are no limits of this group."))
    }

    /// Sets a group's limits. `seen`: only if limits have this revision.
    ///
    /// # Errors
    /// When they are not what was seen, or a store failed.
    pub async fn set_group(
        &self,
        caller: &Caller,
        group: &GroupName,
        seen: Option<Revision>,
        wanted: WantedGroup,
    ) -> Result<(ShownGroup, Revision), Problem> {
        let limits = GroupLimit {
            group: group.clone(),
            each: wanted.each,
            shared: wanted.shared,
        };
        let change = |set: &mut SetLimits| {
            set.groups.retain(|other| other.group != *group);
            set.groups.push(limits.clone());
        };
        let subject = format!("group:{group}");
        let set = self.set_limits(caller, seen, subject, |set| noted(group, set), change);
        let set = set.await?;
        Ok((self.one_group(&set, group)?, set.revision))
    }

    /// Takes away what was set for a group; what the settings say is in force again. `seen`: only if limits have this
    /// revision.
    ///
    /// # Errors
    /// When nothing was set, limits are not what was seen, or a store failed.
    pub async fn unset_group(
        &self,
        caller: &Caller,
        group: &GroupName,
        seen: Option<Revision>,
    ) -> Result<(), Problem> {
        let set = self.limits.set().await?;
        if !set.groups.iter().any(|limits| limits.group == *group) {
            return Err(Problem::not_found("No limits were set for this group here."));
        }
        let change = |set: &mut SetLimits| set.groups.retain(|limits| limits.group != *group);
        let subject = format!("group:{group}");
        let set = self.set_limits(caller, seen, subject, |set| noted(group, set), change);
        set.await.map(drop)
    }
}

/// All groups that have limits.
#[utoipa::path(get, path = "/api/v1/groups", tag = "limits", responses((status = 200, body = Groups, headers(("ETag" = String)))))]
pub(crate) async fn groups(admin: Data<Admin>, _: Reader) -> Result<HttpResponse, Problem> {
    let groups = admin.groups().await?;
    Ok(tagged(HttpResponse::Ok(), groups.revision, groups))
}

/// Limits of a group.
#[utoipa::path(get, path = "/api/v1/groups/{group}", tag = "limits", params(("group" = words::Group, Path)),
    responses((status = 200, body = ShownGroup, headers(("ETag" = String))), (status = 404, body = Details)))]
pub(crate) async fn group(
    admin: Data<Admin>,
    _: Reader,
    group: Path<GroupName>,
) -> Result<HttpResponse, Problem> {
    let set = admin.limits.set().await?;
    let shown = admin.one_group(&set, &group)?;
    Ok(tagged(HttpResponse::Ok(), set.revision, shown))
}

/// Sets limits of a group, in place of those in the settings.
#[utoipa::path(put, path = "/api/v1/groups/{group}", tag = "limits",
    params(("group" = words::Group, Path), ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen.")),
    request_body = WantedGroup,
    responses((status = 200, body = ShownGroup), (status = 404, body = Details), (status = 412, body = Details), (status = 422, body = Details)))]
pub(crate) async fn replace_group(
    admin: Data<Admin>,
    who: Changer,
    group: Path<GroupName>,
    seen: Seen,
    wanted: Json<WantedGroup>,
) -> Result<HttpResponse, Problem> {
    let set = admin.set_group(&who.0, &group, seen.0, wanted.into_inner());
    let (shown, revision) = set.await?;
    Ok(tagged(HttpResponse::Ok(), revision, shown))
}

/// Takes away what was set for a group; what the settings say is in force again.
#[utoipa::path(delete, path = "/api/v1/groups/{group}", tag = "limits",
    params(("group" = words::Group, Path), ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen.")),
    responses((status = 204), (status = 404, body = Details), (status = 412, body = Details)))]
pub(crate) async fn remove_group(
    admin: Data<Admin>,
    who: Changer,
    group: Path<GroupName>,
    seen: Seen,
) -> Result<HttpResponse, Problem> {
    admin.unset_group(&who.0, &group, seen.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
