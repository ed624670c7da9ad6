//! Fields of a body that are read in their own way: left out, null, or a value; secrets.

use llmgw_types::SecretString;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads a field that was given; null is a value of its own. A field that is left out is `None` by
/// `#[serde(default)]`.
pub(crate) fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// Reads a secret.
pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    let text = optional_secret(deserializer)?;
    text.ok_or_else(|| D::Error::custom("a secret must be a text"))
}

/// Reads a secret that may be left out.
pub(crate) fn optional_secret<'de, D>(deserializer: D) -> Result<Option<SecretString>, D::Error>
where
    D: Deserializer<'de>,
{
    // serde's own error repeats what is no text, which may be the secret.
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(SecretString::from(text))),
        _ => Err(D::Error::custom("a secret must be a text")),
    }
}
