//! What the commands about users and the audit log do.

use std::path::Path;

use llmgw_admin_http::{Admin, AuditFilter, Caller, Heads, Problem};
use llmgw_boot::Failure;
use llmgw_keys::UserState;
use serde_json::{Value, json};

use crate::args::user::{filter, limits, role, state};
use crate::args::{AuditCommand, UserCommand};
use crate::output::Shown;

#[expect(clippy::needless_pass_by_value, reason = "the form of map_err")]
fn told(problem: Problem) -> Failure {
    problem.to_string().into()
}

/// `user ...`
pub(crate) async fn user(admin: &Admin, caller: &Caller, command: UserCommand) -> Result<Shown, Failure> {
    let change = async |user: &str, patch| {
        let changed = admin.change_user(caller, user, None, patch).await;
        changed.map(|user| Shown::User(json!(user)))
    };
    match command {
        UserCommand::List { search, group } => {
            let mut page = filter(search, group);
            let mut data = Vec::new();
            loop {
                let users = admin.list_users(&page).await.map_err(told)?;
                data.extend(users.data);
                page.after = users.next.and_then(|next| next.parse().ok());
                if page.after.is_none() {
                    return Ok(Shown::Users(json!({"data": data, "next": null})));
                }
            }
        }
        UserCommand::Suspend { user } => change(&user, state(UserState::Suspended)).await,
        UserCommand::Resume { user } => change(&user, state(UserState::Active)).await,
        UserCommand::Limit { user, limits: set } => change(&user, limits(set)).await,
        UserCommand::Role { user, role: name } => change(&user, role(name)).await,
        UserCommand::Logout { user } => {
            let out = admin.sign_out(caller, &user).await;
            out.map(|out| Shown::SignedOut(json!(out)))
        }
        UserCommand::Export { user } => {
            let exported = admin.export_user(&user).await;
            exported.map(|exported| Shown::Json(json!(exported)))
        }
        UserCommand::Erase { user, yes: false } => {
            let user = admin.user(&user).await.map_err(told)?;
            return Err(format!(
                "this forgets {} for good and revokes all their keys; add --yes to do it",
                user.name
            )
            .into());
        }
        UserCommand::Erase { user, yes: true } => {
            let erased = admin.erase_user(caller, &user, None).await;
            erased.map(|user| Shown::User(json!(user)))
        }
    }
    .map_err(told)
}

/// `audit ...`
pub(crate) async fn audit(admin: &Admin, command: AuditCommand) -> Result<Shown, Failure> {
    match command {
        AuditCommand::List {
            limit,
            action,
            subject,
        } => {
            let filter = AuditFilter {
                limit: Some(limit),
                action,
                subject,
                ..AuditFilter::default()
            };
            let entries = admin.audit_entries(&filter).await;
            entries.map(|entries| Shown::Audit(json!(entries)))
        }
        AuditCommand::Heads => {
            let heads = admin.audit_heads().await;
            heads.map(|heads| Shown::Json(json!(heads)))
        }
        AuditCommand::Verify { heads } => {
            let kept = match &heads {
                Some(file) => kept_heads(file)?,
                None => Heads { heads: Vec::new() },
            };
            let checked = admin.audit_verify(&kept.heads).await;
            checked.map(|checked| Shown::AuditChecked(json!(checked)))
        }
    }
    .map_err(told)
}

fn kept_heads(file: &Path) -> Result<Heads, Failure> {
    let read = || -> Result<Heads, Box<dyn std::error::Error>> {
        let value: Value = serde_json::from_slice(&std::fs::read(file)?)?;
        Ok(serde_json::from_value(value)?)
    };
    read().map_err(|error| {
        let file = file.display();
        format!("--heads: cannot read {file}: {error}; it is what `audit heads` prints").into()
    })
}
