//! The effective settings as TOML, each with the layer that set it. Secrets are hidden.

use figment::value::{Dict, Num, Value};

use super::layers::Layers;
use super::table::{Kind, Setting, all};

/// In place of a secret.
const HIDDEN: &str = "[hidden]";

impl Layers {
    /// Every setting of this program, as TOML that a file could hold but for its secrets. Behind each value stands
    /// its layer; what is not set is a comment.
    #[must_use]
    pub fn print(&self) -> String {
        let sections: Vec<String> = self
            .sections()
            .map(|section| {
                let settings = all().filter(|setting| setting.section == section);
                let lines: String = settings.map(|setting| self.line(setting)).collect();
                format!("[{section}]\n{lines}")
            })
            .collect();
        sections.join("\n")
    }

    fn line(&self, setting: &Setting) -> String {
        let key = setting.key();
        match self
            .value(&key)
            .filter(|value| !matches!(value, Value::Empty(..)))
        {
            Some(value) => {
                let value = toml(&hidden(setting.kind, value));
                format!("{} = {value}  # {}\n", setting.name, self.layer(&key))
            }
            None => format!("# {} is not set\n", setting.name),
        }
    }
}

fn hidden(kind: Kind, value: Value) -> Value {
    match (kind, value) {
        (Kind::Secret, _) => Value::from(HIDDEN),
        (Kind::StoreUrl | Kind::StoreUrls, Value::String(_, url)) => Value::from(without_password(&url)),
        (Kind::StoreUrls, Value::Array(tag, urls)) => {
            Value::Array(tag, urls.into_iter().map(|url| hidden(kind, url)).collect())
        }
        (_, value) => value,
    }
}

// What stands before the last `@` is user and password.
fn without_password(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://{HIDDEN}@{host}")
        }
        None => url.to_owned(),
    }
}

/// A value as TOML writes it, on one line.
pub(super) fn toml(value: &Value) -> String {
    match value {
        // A JSON text is a TOML text too.
        Value::String(_, text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Char(_, letter) => toml(&Value::from(letter.to_string())),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, number) => num(*number),
        Value::Empty(..) => "\"\"".to_owned(),
        Value::Array(_, values) => {
            let values: Vec<_> = values.iter().map(toml).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Dict(_, dict) => table(dict),
    }
}

fn table(dict: &Dict) -> String {
    let set = dict
        .iter()
        .filter(|(_, value)| !matches!(value, Value::Empty(..)));
    let fields: Vec<_> = set
        .map(|(name, value)| format!("{name} = {}", toml(value)))
        .collect();
    format!("{{ {} }}", fields.join(", "))
}

fn num(number: Num) -> String {
    match (number.to_u128(), number.to_i128(), number.to_f64()) {
        (Some(number), ..) => number.to_string(),
        (None, Some(number), _) => number.to_string(),
        (None, None, Some(number)) => number.to_string(),
        (None, None, None) => "0".to_owned(),
    }
}
