//! Makes what is there be what a file says.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use llmgw_admin_http::apply::{Document, Kind, Plan};
use llmgw_admin_http::{Admin, Caller};
use llmgw_boot::Failure;
use serde_json::{Value, json};

use crate::args::Apply;
use crate::output::Shown;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// Makes everything be as the file says, a document at a time.
pub(crate) async fn apply(admin: &Admin, caller: &Caller, wanted: &Apply) -> Result<Shown, Failure> {
    let documents = documents(&wanted.file)?;
    let several = documents.len() > 1;
    let mut done = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let place = if several {
            format!("document {}: ", index + 1)
        } else {
            String::new()
        };
        let plan = admin.plan(document, wanted.prune).await;
        let plan = plan.map_err(|problem| format!("{place}{problem}{}", so_far(&done)))?;
        if !wanted.diff {
            let applied = admin.apply(caller, &plan).await;
            applied.map_err(|halted| format!("{place}{halted}{}", so_far(&done)))?;
        }
        done.push(plan);
    }
    Ok(Shown::Applied(told(&done, !wanted.diff)))
}

// The file may be large, and is refused before it fills the memory.
fn documents(path: &Path) -> Result<Vec<Document>, Failure> {
    let failed = |why: String| Failure::from(format!("{}: {why}", path.display()));
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| failed(error.to_string()))?)
    };
    let mut text = String::new();
    source
        .take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > LONGEST {
        return Err(failed("is longer than 16 MiB".to_owned()));
    }
    // A line of the file is not repeated: somebody may have written a secret there.
    let options = serde_saphyr::options! { with_snippet: false };
    let documents: Vec<Document> = serde_saphyr::from_multiple_with_options(&text, options)
        .map_err(|error| failed(format!("{error}")))?;
    if documents.is_empty() {
        return Err(failed(
            "there is no document in it; see `apply --help`".to_owned(),
        ));
    }
    Ok(documents)
}

fn so_far(done: &[Plan]) -> String {
    let changes: usize = done.iter().map(|plan| plan.differences().len()).sum();
    if changes == 0 {
        String::new()
    } else {
        format!(" The documents before it were done ({changes} changes).")
    }
}

fn told(plans: &[Plan], applied: bool) -> Value {
    let documents: Vec<_> = plans.iter().map(Plan::differences).collect();
    let count = |kind: Kind| {
        let changes = documents.iter().flatten();
        changes.filter(|is| is.change == kind).count()
    };
    json!({
        "applied": applied,
        "changes": documents.iter().map(Vec::len).sum::<usize>(),
        "new": count(Kind::New),
        "changed": count(Kind::Changed),
        "removed": count(Kind::Removed),
        "documents": documents.iter().map(|changes| json!({"changes": changes})).collect::<Vec<_>>(),
    })
}

/// For people: a line for each thing, and one for each of its fields.
pub(crate) fn lines(applied: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let documents = applied["documents"].as_array().into_iter().flatten();
    for change in documents.flat_map(|document| document["changes"].as_array().into_iter().flatten()) {
        let what = change["what"].as_str().unwrap_or_default();
        let kind = change["change"].as_str().unwrap_or_default();
        let sign = match kind {
            "new" => '+',
            "removed" => '-',
            _ => '~',
        };
        lines.push(format!("{sign} {what}"));
        for field in change["fields"].as_array().into_iter().flatten() {
            let name = field["field"].as_str().unwrap_or_default();
            let (before, after) = (value(&field["before"]), value(&field["after"]));
            lines.push(if kind == "new" {
                format!("    {name}: {after}")
            } else {
                format!("    {name}: {before} -> {after}")
            });
        }
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(sum(applied));
    lines
}

fn value(value: &Value) -> String {
    if value.is_null() {
        "(none)".to_owned()
    } else {
        value.to_string()
    }
}

fn sum(applied: &Value) -> String {
    let changes = applied["changes"].as_u64().unwrap_or_default();
    if changes == 0 {
        return "0 changes".to_owned();
    }
    let noun = if changes == 1 { "change" } else { "changes" };
    let mut parts = Vec::new();
    for kind in ["new", "changed", "removed"] {
        let number = applied[kind].as_u64().unwrap_or_default();
        if number > 0 {
            parts.push(format!("{number} {kind}"));
        }
    }
    let would = if applied["applied"] == true {
        ""
    } else {
        " would be made"
    };
    format!("{changes} {noun}{would}: {}", parts.join(", "))
}
