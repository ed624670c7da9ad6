//! Who changed what.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use llmgw_audit::Stage;
use llmgw_pages::admin::{AuditPage, Checked, EntryLine, Place};
use serde_json::Value;

use super::super::{PageCaller, PageError, page};
use super::fields::{again, day, read};
use super::lists::{Sought, when};
use crate::admin::Admin;
use crate::audit::{Entry, Filter};
use crate::paging::Listed;
use crate::problem::Problem;

const PAGE: usize = 50;

/// `GET /audit`.
pub(super) async fn list(
    admin: Data<Admin>,
    who: PageCaller,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    shown(&admin, &who, request.query_string(), None).await
}

/// `GET /audit/check`: looks whether anything was changed in the log.
pub(super) async fn check(admin: Data<Admin>, who: PageCaller) -> Result<HttpResponse, PageError> {
    let checked = admin.audit_verify(&[]).await?;
    let checked = Checked {
        chains: checked.chains,
        entries: checked.entries,
        unfinished: checked.unfinished,
        faults: checked.faults,
    };
    shown(&admin, &who, "", Some(checked)).await
}

async fn shown(
    admin: &Admin,
    who: &PageCaller,
    query: &str,
    checked: Option<Checked>,
) -> Result<HttpResponse, PageError> {
    let mut sought = Sought::read(query, &["actor", "action", "subject", "from", "to"]);
    let (mut status, mut entries, mut next) = (StatusCode::OK, Vec::new(), None);
    match found(admin, &sought).await {
        Ok(listed) => (entries, next) = (listed.data, listed.next),
        Err(problem) => {
            let text;
            (status, text) = again(problem)?;
            sought.form = sought.form.refused(&text);
        }
    }
    let shown = AuditPage {
        frame: who.frame(Some(Place::Audit)),
        filtered: sought.filtered(),
        entries: entries.into_iter().map(|entry| line(admin, entry)).collect(),
        next: sought.next("/audit", next.as_ref()),
        first: sought.first("/audit"),
        filter: sought.form,
        checked,
    };
    page(status, &shown)
}

async fn found(admin: &Admin, sought: &Sought) -> Result<Listed<Entry>, Problem> {
    let from = day(admin, "from", sought.one("from").unwrap_or_default())?;
    let to = day(admin, "to", sought.one("to").unwrap_or_default())?;
    let filter = Filter {
        actor: sought.one("actor").map(|text| read("actor", text)).transpose()?,
        action: sought.one("action").map(str::to_owned),
        subject: sought.one("subject").map(str::to_owned),
        from: from.map(|(start, _)| start),
        to: to.map(|(_, end)| end),
        after: sought.after.clone(),
        limit: Some(PAGE),
    };
    admin.audit_entries(&filter).await
}

fn line(admin: &Admin, entry: Entry) -> EntryLine {
    EntryLine {
        at: when(admin, entry.at),
        actor: entry.actor_name.unwrap_or(entry.actor),
        origin: entry.origin,
        action: entry.action,
        subject: entry.subject,
        stage: match entry.stage {
            Stage::Intended => "intended",
            Stage::Done => "done",
            Stage::Failed => "failed",
        }
        .to_owned(),
        before: entry.before.as_ref().map(laid_out),
        after: entry.after.as_ref().map(laid_out),
        error: entry.error,
        number: entry.seq.to_string(),
        hash: entry.hash,
    }
}

fn laid_out(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}
