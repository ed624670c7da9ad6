//! Secrets: in the settings, or in a file that a setting names, and not both.

use std::path::Path;

use llmgw_types::{ExposeSecret, SecretString};

/// A setting whose value cannot be used: which, why, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {what}")]
pub struct Fault {
    /// Its name, like `keys.pepper_file`.
    pub key: String,
    /// What is wrong and what mends it; no secret is in it.
    pub what: String,
}

impl Fault {
    /// A fault of `key`.
    #[must_use]
    pub fn new(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            what: what.into(),
        }
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

/// The secret of the setting `key`: its value, or what the file that `<key>_file` names holds, without the
/// newline at the end.
pub(super) fn secret(
    key: &str,
    value: Option<&str>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, Fault> {
    let file_key = format!("{key}_file");
    match (value, file) {
        (Some(_), Some(_)) => Err(Fault::new(
            file_key,
            format!("{key} is set as well; use one of them"),
        )),
        (Some(""), None) => Err(Fault::new(key, "it is empty; leave it out, or set it to a text")),
        (Some(value), None) => Ok(Some(SecretString::from(value))),
        (None, None) => Ok(None),
        (None, Some(file)) => read(&file_key, file).map(Some),
    }
}

/// The text of a file that a setting names.
pub(super) fn read(key: &str, file: &Path) -> Result<SecretString, Fault> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let what = format!(
            "cannot read {}: {error}; make the file readable for this user, or name another",
            file.display()
        );
        Fault::new(key, what)
    })?;
    let secret = SecretString::from(text.trim_end_matches(['\r', '\n']));
    if secret.expose_secret().is_empty() {
        let what = format!("{} is empty; write the secret into it", file.display());
        return Err(Fault::new(key, what));
    }
    Ok(secret)
}
