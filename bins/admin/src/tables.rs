//! The REST API's answers as tables for people.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde_json::Value;

/// A list of keys.
pub(crate) fn keys(keys: &Value) -> Table {
    let mut table = table(&[
        "ID",
        "KEY",
        "OWNER",
        "NAME",
        "STATE",
        "MODELS",
        "LIMITS",
        "EXPIRES",
        "LAST USED",
    ]);
    for key in rows(keys) {
        table.add_row([
            text(&key["id"]),
            text(&key["hint"]),
            text(&key["owner"]),
            text(&key["name"]),
            text(&key["state"]),
            or(words(&key["models"]), "all"),
            limits(&key["limits"]),
            moment(&key["expires_at"]),
            moment(&key["last_used_at"]),
        ]);
    }
    table
}

/// What targets answered.
pub(crate) fn tested(tested: &Value) -> Table {
    let mut table = table(&["TARGET", "WELL", "STATUS", "SERVES MODEL", "MS", "PROBLEM"]);
    for target in rows(tested) {
        let known = |value: &Value| match value.as_bool() {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        table.add_row([
            text(&target["target"]),
            known(&target["well"]).to_owned(),
            text(&target["status"]),
            known(&target["serves_model"]).to_owned(),
            text(&target["duration_ms"]),
            text(&target["problem"]),
        ]);
    }
    table
}

/// A list of models.
pub(crate) fn models(models: &Value) -> Table {
    let mut table = table(&["ID", "STATE", "ALIASES", "TARGETS", "LIMITS"]);
    for model in rows(models) {
        let targets = model["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        let urls: Vec<String> = targets.iter().map(|target| text(&target["base_url"])).collect();
        table.add_row([
            text(&model["id"]),
            text(&model["state"]),
            words(&model["aliases"]),
            or(urls.join(", "), "the default upstream"),
            limits(&model["limits"]),
        ]);
    }
    table
}

/// A list of users.
pub(crate) fn users(users: &Value) -> Table {
    let mut table = table(&[
        "ID",
        "NAME",
        "MAIL",
        "ROLE",
        "STATE",
        "GROUPS",
        "LIMITS",
        "LAST LOGIN",
    ]);
    for user in rows(users) {
        table.add_row([
            text(&user["id"]),
            text(&user["name"]),
            text(&user["mail"]),
            text(&user["role"]),
            text(&user["state"]),
            words(&user["groups"]),
            limits(&user["limits"]),
            moment(&user["last_login_at"]),
        ]);
    }
    table
}

/// Entries of the audit log.
pub(crate) fn audit(entries: &Value) -> Table {
    let mut table = table(&["TIME", "STAGE", "WHO", "FROM", "ACTION", "WHAT", "ERROR"]);
    for entry in rows(entries) {
        let name = text(&entry["actor_name"]);
        table.add_row([
            moment(&entry["at"]),
            text(&entry["stage"]),
            or(name, &text(&entry["actor"])),
            text(&entry["origin"]),
            text(&entry["action"]),
            text(&entry["subject"]),
            text(&entry["error"]),
        ]);
    }
    table
}

/// Sums, with their total in the last line.
pub(crate) fn report(report: &Value) -> Table {
    const BY: [&str; 6] = ["time", "user", "key_id", "model", "endpoint", "target"];
    let all: Vec<&Value> = rows(report).collect();
    let by: Vec<&str> = BY
        .into_iter()
        .filter(|field| all.iter().any(|row| !row[*field].is_null()))
        .collect();
    let titles: Vec<String> = by.iter().map(|field| field.to_uppercase()).collect();
    let mut head: Vec<&str> = titles.iter().map(String::as_str).collect();
    head.extend(["REQUESTS", "PROMPT", "CACHED", "COMPLETION", "COST"]);
    let mut table = table(&head);
    for row in all {
        let labels = by.iter().map(|field| match *field {
            "time" => moment(&row[*field]),
            field => text(&row[field]),
        });
        table.add_row(labels.chain(sums(row)));
    }
    let labels = (0..by.len()).map(|at| if at == 0 { "total" } else { "" }.to_owned());
    table.add_row(labels.chain(sums(&report["total"])));
    right(&mut table, by.len());
    table
}

/// Requests.
pub(crate) fn events(events: &Value) -> Table {
    let mut table = table(&[
        "TIME",
        "REQUEST",
        "USER",
        "MODEL",
        "STATUS",
        "END",
        "SOURCE",
        "PROMPT",
        "COMPLETION",
        "UNITS",
        "MS",
    ]);
    for event in rows(events) {
        table.add_row([
            moment(&event["time"]),
            text(&event["request_id"]),
            text(&event["user"]),
            text(&event["model"]),
            text(&event["status"]),
            text(&event["end"]),
            text(&event["source"]),
            text(&event["tokens"]["prompt"]),
            text(&event["tokens"]["completion"]),
            text(&event["units"]),
            text(&event["duration_ms"]),
        ]);
    }
    right(&mut table, 7);
    table
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(head);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

fn right(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list["data"].as_array().into_iter().flatten()
}

fn sums(row: &Value) -> impl Iterator<Item = String> {
    let tokens = &row["tokens"];
    let all = [
        &row["requests"],
        &tokens["prompt"],
        &tokens["cached"],
        &tokens["completion"],
        &row["cost"],
    ];
    all.map(text).into_iter()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn words(list: &Value) -> String {
    let words: Vec<String> = list.as_array().into_iter().flatten().map(text).collect();
    words.join(", ")
}

fn limits(list: &Value) -> String {
    let one = |limit: &Value| {
        let (unit, window, amount) = (
            text(&limit["unit"]),
            text(&limit["window"]),
            text(&limit["amount"]),
        );
        match &*window {
            "none" | "" => format!("{unit}={amount}"),
            window => format!("{unit}/{window}={amount}"),
        }
    };
    let limits: Vec<String> = list.as_array().into_iter().flatten().map(one).collect();
    limits.join(", ")
}

// To the second: what people look at.
fn moment(time: &Value) -> String {
    let time = text(time);
    let second = time.get(..19).map(|second| second.replace('T', " "));
    second.unwrap_or(time)
}

fn or(text: String, otherwise: &str) -> String {
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(table: &Table) -> Vec<String> {
        let text = table.to_string();
        text.lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    #[test]
    fn a_report_has_the_columns_it_was_broken_down_by_and_a_total() {
        let sums = json!({"requests": 2, "tokens": {"prompt": 9, "cached": 1, "completion": 4}, "cost": 70});
        let mut row = sums.clone();
        row["user"] = "ada".into();
        row["time"] = "2027-01-31T12:00:00.000000Z".into();
        let report = json!({"data": [row], "total": sums});
        assert_eq!(
            lines(&super::report(&report)),
            [
                "TIME USER REQUESTS PROMPT CACHED COMPLETION COST",
                "2027-01-31 12:00:00 ada 2 9 1 4 70",
                "total 2 9 1 4 70",
            ]
        );
    }

    #[test]
    fn a_key_shows_its_limits_in_their_short_form() {
        let limits = json!([
            {"unit": "tokens", "window": "day", "amount": 5},
            {"unit": "in_flight", "window": "none", "amount": 2},
        ]);
        let key = json!({"id": "1", "hint": "sk-...", "owner": "ada", "name": "n", "state": "active", "models": [], "limits": limits});
        let shown = lines(&keys(&json!({"data": [key]})));
        assert_eq!(shown[1], "1 sk-... ada n active all tokens/day=5, in_flight=2");
    }
}
