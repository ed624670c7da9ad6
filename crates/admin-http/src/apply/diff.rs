//! What a plan changes, field by field.

use std::collections::BTreeSet;

use llmgw_usage::admission::SetLimits;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::order::ModelChange;
use super::step::Step;
use crate::models::ShownModel;

/// What becomes of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is made.
    New,
    /// It is changed.
    Changed,
    /// It is removed.
    Removed,
}

/// A thing that is changed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What is changed, like `model llama-3`, `group physics`, `limits`.
    pub what: String,
    /// What becomes of it.
    pub change: Kind,
    /// Where it differs; empty where it is removed.
    pub fields: Vec<FieldDifference>,
}

/// A field that is changed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FieldDifference {
    /// Its name, like `targets[0].base_url`.
    pub field: String,
    /// What is there; null: nothing.
    pub before: Value,
    /// What is to be there; null: nothing.
    pub after: Value,
}

/// What a step changes.
pub(super) fn of(step: &Step) -> Vec<Difference> {
    match step {
        Step::Model(change) => {
            let ModelChange { before, after } = &**change;
            let shown = |model: &Option<llmgw_models::Model>| model.as_ref().map(shown_model);
            difference(step.to_string(), shown(before).as_ref(), shown(after).as_ref())
                .into_iter()
                .collect()
        }
        Step::Limits { before, after } => limits(before, after),
        Step::NewAccount(account) => {
            let after = json!({
                "mail": account.mail, "groups": account.groups, "role": account.role, "limits": account.limits,
            });
            difference(step.to_string(), None, Some(&after))
                .into_iter()
                .collect()
        }
        Step::Account { before, after } => {
            let shown = |user: &llmgw_keys::User| {
                json!({
                    "mail": user.mail, "groups": user.groups, "role": user.role, "state": user.state,
                    "limits": user.limits,
                })
            };
            difference(step.to_string(), Some(&shown(before)), Some(&shown(after)))
                .into_iter()
                .collect()
        }
        Step::NoAccount(_) => difference(step.to_string(), Some(&Value::Null), None)
            .into_iter()
            .collect(),
    }
}

// Without what the store says of it.
fn shown_model(model: &llmgw_models::Model) -> Value {
    let mut shown = json!(ShownModel::from(model.clone()));
    if let Some(fields) = shown.as_object_mut() {
        for field in ["id", "created_at", "revision"] {
            fields.remove(field);
        }
    }
    shown
}

fn limits(before: &SetLimits, after: &SetLimits) -> Vec<Difference> {
    let standing = |set: &SetLimits| json!({"everyone": set.everyone, "each_user": set.each_user});
    let changed = difference(
        "limits".to_owned(),
        Some(&standing(before)),
        Some(&standing(after)),
    );
    let mut differences: Vec<Difference> = changed.filter(|is| !is.fields.is_empty()).into_iter().collect();
    let names: BTreeSet<_> = before
        .groups
        .iter()
        .chain(&after.groups)
        .map(|limits| &limits.group)
        .collect();
    for name in names {
        let of = |set: &SetLimits| {
            let limits = set.groups.iter().find(|limits| limits.group == *name);
            limits.map(|limits| json!({"each": limits.each, "shared": limits.shared}))
        };
        differences.extend(
            difference(format!("group {name}"), of(before).as_ref(), of(after).as_ref())
                .filter(|is| is.change != Kind::Changed || !is.fields.is_empty()),
        );
    }
    differences
}

fn difference(what: String, before: Option<&Value>, after: Option<&Value>) -> Option<Difference> {
    let mut fields = Vec::new();
    let change = match (before, after) {
        (None, None) => return None,
        (None, Some(after)) => {
            compare("", &Value::Object(Map::new()), after, &mut fields);
            // What has its default goes without saying.
            fields.retain(|field| !is_empty(&field.after));
            Kind::New
        }
        (Some(_), None) => Kind::Removed,
        (Some(before), Some(after)) => {
            compare("", before, after, &mut fields);
            Kind::Changed
        }
    };
    Some(Difference { what, change, fields })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn compare(path: &str, before: &Value, after: &Value, fields: &mut Vec<FieldDifference>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let inner = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let value = |of: &Map<String, Value>| of.get(name).cloned().unwrap_or(Value::Null);
                compare(&inner, &value(old), &value(new), fields);
            }
        }
        (Value::Array(old), Value::Array(new)) if of_objects(old) || of_objects(new) => {
            for place in 0..old.len().max(new.len()) {
                let value = |of: &[Value]| of.get(place).cloned().unwrap_or(Value::Null);
                compare(&format!("{path}[{place}]"), &value(old), &value(new), fields);
            }
        }
        _ => fields.push(FieldDifference {
            field: path.to_owned(),
            before: before.clone(),
            after: after.clone(),
        }),
    }
}

fn of_objects(items: &[Value]) -> bool {
    items.iter().any(Value::is_object)
}
