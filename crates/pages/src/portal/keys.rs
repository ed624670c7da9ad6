//! The list of keys, and the question before one is revoked.

use askama::Template;

use crate::look::{Frame, Time};

/// The keys of a person, and the form for a new one: `POST /keys` with `csrf`, `name`, `model` (once for each chosen
/// model), `expires` (`never`, `30`, `90`, `365` or `date`) and `date`.
#[derive(Clone, Template)]
#[template(path = "portal/keys.html")]
pub struct KeysPage {
    /// What stands around the page.
    pub frame: Frame,
    /// All keys, in the order to show them.
    pub keys: Vec<KeyRow>,
    /// The models that a key can be narrowed to.
    pub models: Vec<String>,
    /// How many keys count against the most.
    pub count: u64,
    /// How many keys a person may have.
    pub most: u64,
    /// What stands in the form.
    pub form: NewKeyForm,
    /// The first day that a key can expire on: `2026-11-27`.
    pub min_date: String,
}

impl KeysPage {
    fn usable(&self) -> impl Iterator<Item = &KeyRow> {
        self.keys.iter().filter(|key| key.state.works())
    }

    fn old(&self) -> impl Iterator<Item = &KeyRow> {
        self.keys.iter().filter(|key| !key.state.works())
    }

    /// The error of the form at `field`.
    fn error(&self, field: &str) -> Option<&str> {
        self.form
            .error
            .as_ref()
            .filter(|error| error.field == field)
            .map(|error| error.text.as_str())
    }
}

/// A key, without its secret.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// The id, as paths have it. It may hold only what a path segment may.
    pub id: String,
    /// The name that the person chose.
    pub name: String,
    /// What the person can tell the key by: its first or last letters.
    pub hint: String,
    /// The models it is narrowed to; empty for all.
    pub models: Vec<String>,
    /// When it was made.
    pub created: Time,
    /// When it was used last, if ever.
    pub last_used: Option<Time>,
    /// When it expires or expired, if ever.
    pub expires: Option<Time>,
    /// Whether it works.
    pub state: KeyStateView,
    /// Whether another key was made in its place; it cannot be replaced once more.
    pub replaced: bool,
    /// Why the last try to rename it failed.
    pub rename_error: Option<String>,
}

/// Whether a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStateView {
    /// It works.
    Active,
    /// It works, and not for long.
    Expiring,
    /// Its time is over.
    Expired,
    /// The person revoked it.
    Revoked,
}

impl KeyStateView {
    fn works(self) -> bool {
        matches!(self, Self::Active | Self::Expiring)
    }
}

/// What stands in the form for a new key: nothing at first, what was sent if that was refused.
#[derive(Clone, Debug, Default)]
pub struct NewKeyForm {
    /// The name.
    pub name: String,
    /// The chosen models.
    pub models: Vec<String>,
    /// `never`, `30`, `90`, `365` or `date`; anything else counts as `90`.
    pub expires: String,
    /// The day for `date`: `2026-12-31`.
    pub date: String,
    /// Why it was refused.
    pub error: Option<FieldError>,
}

impl NewKeyForm {
    /// What `expires` is set to. A key that lasts for ever is no good default, so there is always a choice made.
    fn expires(&self) -> &str {
        match self.expires.as_str() {
            known @ ("never" | "30" | "365" | "date") => known,
            _ => "90",
        }
    }

    fn has_model(&self, model: &str) -> bool {
        self.models.iter().any(|chosen| chosen == model)
    }
}

/// What is wrong with a form.
#[derive(Clone, Debug)]
pub struct FieldError {
    /// The name of the input it is about: `name`, `model`, `expires` or `date`.
    pub field: String,
    /// What is wrong and how to mend it.
    pub text: String,
}

/// Asks whether to revoke a key: `POST /keys/ID/revoke` with `csrf`.
#[derive(Clone, Template)]
#[template(path = "portal/revoke.html")]
pub struct RevokePage {
    /// What stands around the page.
    pub frame: Frame,
    /// The id of the key.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What the person can tell it by.
    pub hint: String,
}
