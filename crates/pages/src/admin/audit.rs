//! Who changed what.

use askama::Template;

use super::{Filled, Frame, When};

/// Entries of the audit log, newest first.
#[derive(Clone, Template)]
#[template(path = "admin/audit.html")]
pub struct AuditPage {
    /// What stands around the page.
    pub frame: Frame,
    /// What was looked for: `actor`, `action`, `subject`, `from`, `to`.
    pub filter: Filled,
    /// Whether something was looked for.
    pub filtered: bool,
    /// The entries.
    pub entries: Vec<EntryLine>,
    /// Where the next page is.
    pub next: Option<String>,
    /// Where the first page is, on any other.
    pub first: Option<String>,
    /// What a look at the whole log found, where somebody asked for it.
    pub checked: Option<Checked>,
}

/// An entry.
#[derive(Clone, Debug)]
pub struct EntryLine {
    /// When.
    pub at: When,
    /// Who.
    pub actor: String,
    /// From where.
    pub origin: Option<String>,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// `intended`, `done` or `failed`.
    pub stage: String,
    /// What stood there before.
    pub before: Option<String>,
    /// What stands there after.
    pub after: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its number in its chain.
    pub number: String,
    /// Its hash.
    pub hash: String,
}

/// What a look at the whole log found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Chains.
    pub chains: u64,
    /// Entries.
    pub entries: u64,
    /// Changes without an end.
    pub unfinished: u64,
    /// What is wrong.
    pub faults: Vec<String>,
}
