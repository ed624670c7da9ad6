//! Limits of everyone, of each user, and of groups.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use llmgw_pages::admin::{ConfirmPage, Filled, GroupLine, GroupPage, LimitsPage, Place};
use llmgw_types::{GroupName, Limit};

use super::super::{Fields, PageCaller, PageChange, PageError, go, page};
use super::fields::{again, fill_limits, in_words, limits, read, seen, shown_again, told};
use super::lists::{Sought, address};
use crate::admin::Admin;
use crate::limits::groups::{ShownGroup, WantedGroup};
use crate::limits::{Defaults, WantedDefaults};
use crate::problem::Problem;

/// `GET /limits`.
pub(super) async fn show(
    admin: Data<Admin>,
    who: PageCaller,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let sought = Sought::read(request.query_string(), &[]);
    let form = filled(&admin.default_limits().await?);
    let mut shown = limits_page(&admin, &who, form).await?;
    shown.frame = told(shown.frame, sought.done.as_deref());
    page(StatusCode::OK, &shown)
}

async fn limits_page(admin: &Admin, who: &PageCaller, form: Filled) -> Result<LimitsPage, Problem> {
    let groups = admin.groups().await?.data;
    Ok(LimitsPage {
        frame: who.frame(Some(Place::Limits)),
        form,
        groups: groups.iter().map(line).collect(),
    })
}

fn line(group: &ShownGroup) -> GroupLine {
    GroupLine {
        group: group.group.to_string(),
        href: of_group("/group", &group.group),
        each: in_words(&group.each),
        shared: in_words(&group.shared),
        set: group.from == "set",
    }
}

// Institutions name groups by all sorts of texts.
fn of_group(path: &str, group: &GroupName) -> String {
    address(path, &[("group".to_owned(), group.to_string())])
}

fn filled(defaults: &Defaults) -> Filled {
    let mut form = Filled::default();
    form.add("seen", defaults.revision);
    for (prefix, in_force) in [
        ("everyone", &defaults.everyone),
        ("each_user", &defaults.each_user),
    ] {
        form.add(&format!("{prefix}_from"), in_force.from);
        fill_limits(&mut form, prefix, &in_force.limits);
    }
    form
}

/// `POST /limits`.
pub(super) async fn save(admin: Data<Admin>, change: PageChange) -> Result<HttpResponse, PageError> {
    let fields = &change.fields;
    let saved = async {
        let now = admin.default_limits().await?;
        let settings = admin.limits.settings();
        let wanted = WantedDefaults {
            everyone: set(fields, "everyone", [&now.everyone.limits, &settings.everyone])?,
            each_user: set(fields, "each_user", [&now.each_user.limits, &settings.each_user])?,
        };
        let seen = seen(fields)?;
        admin.set_default_limits(&change.who.caller, seen, wanted).await
    };
    match saved.await {
        Ok(_) => Ok(go("/limits?done=saved")),
        Err(problem) => {
            let (status, text) = again(problem)?;
            let now = filled(&admin.default_limits().await?);
            let form = shown_again(fields, status, &text, &now);
            page(status, &limits_page(&admin, &change.who, form).await?)
        }
    }
}

// `None`: as the settings say. `known`: what may stand in the form where nobody typed anything.
fn set(fields: &Fields, prefix: &str, known: [&Vec<Limit>; 2]) -> Result<Option<Vec<Limit>>, Problem> {
    let from = format!("{prefix}_from");
    let typed = limits(fields, prefix)?;
    match fields.one(&from) {
        "set" => Ok(Some(typed)),
        "settings" if typed.is_empty() || known.contains(&&typed) => Ok(None),
        "settings" => Err(Problem::invalid(format!(
            "{from}: limits were typed below; choose that they are set here"
        ))),
        _ => Err(Problem::invalid(format!("{from}: choose one of the list"))),
    }
}

fn named(group: Option<&str>) -> Result<GroupName, Problem> {
    read("group", group.unwrap_or_default())
}

/// `GET /group?group=...`.
pub(super) async fn group(
    admin: Data<Admin>,
    who: PageCaller,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let sought = Sought::read(request.query_string(), &["group"]);
    let group = named(sought.one("group"))?;
    let (form, is_set) = filled_group(&admin, &group).await?;
    let mut shown = group_page(&who, &group, form, is_set);
    shown.frame = told(shown.frame, sought.done.as_deref());
    page(StatusCode::OK, &shown)
}

fn group_page(who: &PageCaller, group: &GroupName, form: Filled, is_set: bool) -> GroupPage {
    GroupPage {
        frame: who.frame(Some(Place::Limits)),
        group: group.to_string(),
        form,
        unset: is_set.then(|| of_group("/unset-group", group)),
    }
}

// What is in force, and whether it was set here.
async fn filled_group(admin: &Admin, group: &GroupName) -> Result<(Filled, bool), Problem> {
    let groups = admin.groups().await?;
    let found = groups.data.iter().find(|known| known.group == *group);
    let mut form = Filled::default();
    form.add("seen", groups.revision);
    fill_limits(&mut form, "each", found.map_or(&[][..], |group| &group.each));
    fill_limits(&mut form, "shared", found.map_or(&[][..], |group| &group.shared));
    Ok((form, found.is_some_and(|group| group.from == "set")))
}

/// `POST /group`.
pub(super) async fn save_group(admin: Data<Admin>, change: PageChange) -> Result<HttpResponse, PageError> {
    let fields = &change.fields;
    let group = named(Some(fields.one("group")))?;
    let saved = async {
        let wanted = WantedGroup {
            each: limits(fields, "each")?,
            shared: limits(fields, "shared")?,
        };
        let seen = seen(fields)?;
        admin.set_group(&change.who.caller, &group, seen, wanted).await
    };
    match saved.await {
        Ok(_) => Ok(go("/limits?done=saved")),
        Err(problem) => {
            let (status, text) = again(problem)?;
            let (now, is_set) = filled_group(&admin, &group).await?;
            let form = shown_again(fields, status, &text, &now);
            page(status, &group_page(&change.who, &group, form, is_set))
        }
    }
}

/// `GET /unset-group?group=...`.
pub(super) async fn ask_to_unset(
    admin: Data<Admin>,
    who: PageCaller,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let sought = Sought::read(request.query_string(), &["group"]);
    let group = named(sought.one("group"))?;
    let revision = admin.groups().await?.revision;
    let shown = ConfirmPage {
        frame: who.frame(Some(Place::Limits)),
        title: "Take away what was set for this group?".to_owned(),
        subject: group.to_string(),
        text: "What the settings say is in force again; without, the group has no limits of its own."
            .to_owned(),
        action: "/unset-group".to_owned(),
        fields: vec![
            ("group".to_owned(), group.to_string()),
            ("seen".to_owned(), revision.to_string()),
        ],
        confirm: "Take away".to_owned(),
        keep: of_group("/group", &group),
    };
    page(StatusCode::OK, &shown)
}

/// `POST /unset-group`.
pub(super) async fn unset(admin: Data<Admin>, change: PageChange) -> Result<HttpResponse, PageError> {
    let group = named(Some(change.fields.one("group")))?;
    let seen = seen(&change.fields)?;
    admin.unset_group(&change.who.caller, &group, seen).await?;
    Ok(go("/limits?done=removed"))
}
