//! What this program prints.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the command line's own output"
)]

use std::net::SocketAddr;
use std::process::ExitCode;

use llmgw_boot::{Failure, chain};
use llmgw_types::{KeyId, ModelId, StoreError};
use llmgw_usage::ledger::RollupCheck;
use serde_json::{Value, json};

use crate::{apply, import, tables};

/// What a command has to show; values are those of the REST API.
pub(crate) enum Shown {
    /// A key just made, with its text.
    Key(Value),
    Keys(Value),
    Revoked(KeyId),
    Model(Value),
    Models(Value),
    Removed(ModelId),
    User(Value),
    Users(Value),
    SignedOut(Value),
    Audit(Value),
    AuditChecked(Value),
    /// For people, too.
    Json(Value),
    Report(Value),
    Events(Value),
    Verified(RollupCheck),
    Rebuilt,
    Applied(Value),
    Imported(Value),
    Tested(Value),
    Nothing,
}

/// Prints it, for programs or for people.
pub(crate) fn shown(shown: &Shown, as_json: bool) -> ExitCode {
    if as_json {
        println!("{}", value(shown));
    } else {
        for_people(shown);
    }
    match shown {
        Shown::Verified(check) if check.differences > 0 => ExitCode::FAILURE,
        Shown::AuditChecked(checked) if !is_well(checked) => ExitCode::FAILURE,
        Shown::Tested(tested) if !all_well(tested) => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn value(shown: &Shown) -> Value {
    match shown {
        Shown::Key(value)
        | Shown::Keys(value)
        | Shown::Model(value)
        | Shown::Models(value)
        | Shown::User(value)
        | Shown::Users(value)
        | Shown::SignedOut(value)
        | Shown::Audit(value)
        | Shown::AuditChecked(value)
        | Shown::Json(value)
        | Shown::Report(value)
        | Shown::Applied(value)
        | Shown::Imported(value)
        | Shown::Tested(value)
        | Shown::Events(value) => value.clone(),
        Shown::Verified(check) => json!({"checked": check.checked, "differences": check.differences}),
        // The API answers these without a body.
        Shown::Revoked(_) | Shown::Removed(_) | Shown::Rebuilt | Shown::Nothing => json!({}),
    }
}

fn for_people(shown: &Shown) {
    match shown {
        Shown::Key(key) => {
            println!("{}\n", key["key"].as_str().unwrap_or_default());
            println!(
                "This is the key of {}. It is shown this once; keep it well.",
                key["owner"].as_str().unwrap_or_default()
            );
            println!("Its id is {}.", key["id"].as_str().unwrap_or_default());
        }
        Shown::Keys(keys) => table(&tables::keys(keys)),
        Shown::Revoked(id) => println!("key {id} is revoked"),
        Shown::Model(model) => println!("{} is served", model["id"].as_str().unwrap_or_default()),
        Shown::Models(models) => table(&tables::models(models)),
        Shown::Removed(id) => println!("{id} is not served any more"),
        Shown::User(user) => println!(
            "{} is {}",
            user["name"].as_str().unwrap_or_default(),
            user["state"].as_str().unwrap_or_default()
        ),
        Shown::Users(users) => table(&tables::users(users)),
        Shown::SignedOut(out) => println!("{} logins ended", out["sessions"]),
        Shown::Audit(entries) => table(&tables::audit(entries)),
        Shown::AuditChecked(checked) => audit_checked(checked),
        Shown::Json(value) => println!("{value:#}"),
        Shown::Report(report) => table(&tables::report(report)),
        Shown::Events(events) => table(&tables::events(events)),
        Shown::Verified(check) if check.differences == 0 => {
            println!("{} sums compared; all are those of their requests", check.checked);
        }
        Shown::Verified(check) => println!(
            "{} sums compared, {} of them differ from their requests; `rollup rebuild` makes them anew",
            check.checked, check.differences
        ),
        Shown::Rebuilt => println!("the sums were made anew from the requests"),
        Shown::Applied(applied) => apply::lines(applied).iter().for_each(|line| println!("{line}")),
        Shown::Imported(imported) => import::lines(imported).iter().for_each(|line| println!("{line}")),
        Shown::Tested(tested) => table(&tables::tested(tested)),
        Shown::Nothing => {}
    }
}

fn all_well(tested: &Value) -> bool {
    let targets = tested["data"].as_array();
    targets.is_some_and(|targets| targets.iter().all(|target| target["well"] == true))
}

fn is_well(checked: &Value) -> bool {
    checked["faults"].as_array().is_none_or(Vec::is_empty)
}

fn audit_checked(checked: &Value) {
    let (entries, chains) = (&checked["entries"], &checked["chains"]);
    if is_well(checked) {
        println!("{entries} entries in {chains} chains; nothing was changed and nothing is missing");
    }
    for fault in checked["faults"].as_array().into_iter().flatten() {
        println!("{}", fault.as_str().unwrap_or_default());
    }
    if checked["unfinished"] != 0 {
        println!(
            "{} changes have no end: the process was killed, or is still at it",
            checked["unfinished"]
        );
    }
}

// Without the blanks that fill the last column.
fn table(table: &comfy_table::Table) {
    for line in table.lines() {
        println!("{}", line.trim_end());
    }
}

/// Prints a text as it is.
pub(crate) fn text(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

/// Says where it serves, as one line for programs or as text for people.
pub(crate) fn serving((listen, health): (SocketAddr, SocketAddr), pages: &str, as_json: bool) {
    if as_json {
        let line = json!({
            "ready": true, "listen": listen.to_string(), "pages": pages, "health": health.to_string(),
        });
        println!("{line}");
        return;
    }
    println!("LLMGateway's administration is ready.\n");
    println!("  Pages    {pages}");
    println!("  API      http://{listen}/api/v1  (described at http://{listen}/api/v1/openapi.json)");
    println!("  Health   http://{health}/health/ready  and /metrics");
}

/// Says that each of these sections is well.
pub(crate) fn checked(sections: &[&str]) -> ExitCode {
    for section in sections {
        println!("ok  [{section}]");
    }
    ExitCode::SUCCESS
}

/// Says that the change is kept and gateways see it late.
pub(crate) fn untold(error: &StoreError) {
    eprintln!(
        "warning: the change is made, but Redis could not pass it on: {}; running gateways see it within 30 s",
        chain(error)
    );
}

/// Says why nothing was done.
pub(crate) fn failed(failure: &Failure) -> ExitCode {
    eprintln!("error: {}", failure.text);
    ExitCode::from(failure.code)
}
