//! Keys of anybody.

use askama::Template;

use super::{Filled, Frame, When};

/// Keys, in the order in which they were made.
#[derive(Clone, Template)]
#[template(path = "admin/keys.html")]
pub struct KeysPage {
    /// What stands around the page.
    pub frame: Frame,
    /// What was looked for: `owner`, `state`.
    pub filter: Filled,
    /// Whether something was looked for.
    pub filtered: bool,
    /// The keys.
    pub keys: Vec<KeyLine>,
    /// Where the next page is.
    pub next: Option<String>,
    /// Where the first page is, on any other.
    pub first: Option<String>,
}

/// A key.
#[derive(Clone, Debug)]
pub struct KeyLine {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// How it begins and ends.
    pub hint: String,
    /// Whose it is.
    pub owner: String,
    /// Their id.
    pub owner_id: String,
    /// Whether it may be used.
    pub state: KeyWord,
    /// When it was made.
    pub created: When,
    /// When it was last used.
    pub last_used: Option<When>,
    /// From when on it is refused.
    pub expires: Option<When>,
    /// Its own limits, in words.
    pub limits: Vec<String>,
}

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyWord {
    /// It may.
    Active,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

/// A limit that holds, and what is left of it.
#[derive(Clone, Debug)]
pub struct LeftLine {
    /// Whose limit it is.
    pub of: String,
    /// What it counts, in words.
    pub what: String,
    /// The most.
    pub amount: String,
    /// Used, and held by running requests.
    pub used: String,
    /// Left.
    pub left: String,
    /// When it begins anew.
    pub resets: Option<When>,
}

/// A new key: `owner`, `name`, `models`, `expires`, limits.
#[derive(Clone, Template)]
#[template(path = "admin/new_key.html")]
pub struct NewKeyPage {
    /// What stands around the page.
    pub frame: Frame,
    /// What stands in the form.
    pub form: Filled,
}

/// A key, and the form to change it: `name`, `models`, `expires`, limits.
#[derive(Clone, Template)]
#[template(path = "admin/key.html")]
pub struct KeyPage {
    /// What stands around the page.
    pub frame: Frame,
    /// The key.
    pub key: KeyLine,
    /// What stands in the form.
    pub form: Filled,
    /// What is left of the limits that hold for it; `None` where that is not known now.
    pub left: Option<Vec<LeftLine>>,
}
