//! What came and what did not.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) users: Came,
    pub(super) keys: Came,
    pub(super) models: Came,
    pub(super) usage: Rows,
}

/// Things of one kind.
#[derive(Debug, Default, Serialize)]
pub(super) struct Came {
    /// Made here.
    pub(super) made: u64,
    /// Here already.
    pub(super) there: u64,
    /// Of those made, and of those here, so many were revoked because they were not active there.
    pub(super) revoked: u64,
    /// Why others did not come.
    left_out: BTreeMap<String, u64>,
}

/// Rows of usage.
#[derive(Debug, Default, Serialize)]
pub(super) struct Rows {
    /// Read there.
    pub(super) read: u64,
    /// Kept here just now.
    pub(super) made: u64,
    /// Here already.
    pub(super) there: u64,
    /// Tokens of those that are here now.
    pub(super) tokens: u64,
    /// Why others did not come, with their tokens where they could be read.
    left_out: BTreeMap<&'static str, Missing>,
}

#[derive(Debug, Default, Serialize)]
struct Missing {
    rows: u64,
    tokens: u64,
}

impl Came {
    pub(super) fn left_out(&mut self, why: &str) {
        *self.left_out.entry(why.to_owned()).or_default() += 1;
    }
}

impl Rows {
    pub(super) fn left_out(&mut self, why: &'static str, tokens: u64) {
        let missing = self.left_out.entry(why).or_default();
        missing.rows += 1;
        missing.tokens += tokens;
    }
}

impl Tally {
    /// For programs.
    pub(super) fn told(&self, dry: bool) -> Value {
        json!({
            "imported": !dry, "users": self.users, "keys": self.keys, "models": self.models, "usage": self.usage,
        })
    }
}

/// For people.
pub(super) fn lines(told: &Value) -> Vec<String> {
    let done = told["imported"] == true;
    let verb = if done { "came" } else { "would come" };
    let mut lines = Vec::new();
    for kind in ["users", "keys", "models"] {
        let of = &told[kind];
        let mut line = format!("{kind}: {} {verb}, {} are here already", of["made"], of["there"]);
        if of["revoked"] != 0 {
            line += &format!(", {} of them revoked as they were there", of["revoked"]);
        }
        lines.push(line);
        for (why, number) in of["left_out"].as_object().into_iter().flatten() {
            lines.push(format!("  {number} left out: {why}"));
        }
    }
    let rows = &told["usage"];
    lines.push(format!(
        "usage: {} rows read, {} {verb}, {} are here already; {} tokens",
        rows["read"], rows["made"], rows["there"], rows["tokens"]
    ));
    for (why, missing) in rows["left_out"].as_object().into_iter().flatten() {
        lines.push(format!(
            "  {} rows with {} tokens left out: {why}",
            missing["rows"], missing["tokens"]
        ));
    }
    lines
}
