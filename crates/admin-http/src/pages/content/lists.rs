//! What lists share: what was looked for, where the next page is, and lines that several pages show.

use llmgw_pages::admin::{Filled, LeftLine, When};
use llmgw_types::Timestamp;
use url::form_urlencoded;

use super::fields::{amount, counted};
use crate::admin::Admin;
use crate::limits::left::LeftLimit;

/// What a list was asked for by its address, without where it goes on.
pub(super) struct Sought {
    pub(super) form: Filled,
    pub(super) given: Vec<(String, String)>,
    pub(super) after: Option<String>,
    pub(super) done: Option<String>,
}

impl Sought {
    /// Of the query of an address: the fields `names`, and what is empty is not there.
    pub(super) fn read(query: &str, names: &[&str]) -> Self {
        let mut sought = Self {
            form: Filled::default(),
            given: Vec::new(),
            after: None,
            done: None,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim().to_owned();
            match &*name {
                "after" => sought.after = Some(value),
                "done" => sought.done = Some(value),
                name if names.contains(&name) => {
                    sought.form.add(name, &value);
                    if !value.is_empty() {
                        sought.given.push((name.to_owned(), value));
                    }
                }
                _ => {}
            }
        }
        sought
    }

    /// A value that was given.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        let mut given = self.given.iter();
        given
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn filtered(&self) -> bool {
        !self.given.is_empty()
    }

    /// Where the page after `next` is.
    pub(super) fn next(&self, path: &str, next: Option<&String>) -> Option<String> {
        let mut given = self.given.clone();
        given.push(("after".to_owned(), next?.clone()));
        Some(address(path, &given))
    }

    /// Where the first page is, unless this is it.
    pub(super) fn first(&self, path: &str) -> Option<String> {
        self.after.as_ref().map(|_| address(path, &self.given))
    }
}

/// An address with a query.
pub(super) fn address(path: &str, query: &[(String, String)]) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    format!("{path}?{query}")
}

/// A word as a part of a path; slashes stay.
pub(super) fn in_path(word: &str) -> String {
    let parts = word.split('/').map(|part| {
        form_urlencoded::byte_serialize(part.as_bytes())
            .collect::<String>()
            .replace('+', "%20")
    });
    parts.collect::<Vec<_>>().join("/")
}

/// A moment, seen from now.
pub(super) fn when(admin: &Admin, at: Timestamp) -> When {
    When::of_micros(at.as_micros(), admin.clock.now().as_micros())
}

/// A limit that holds, and what is left of it.
pub(super) fn left(admin: &Admin, limit: &LeftLimit) -> LeftLine {
    let of = match (limit.of, &limit.name) {
        ("group", Some(group)) => format!("group {group}"),
        (of, _) => of.to_owned(),
    };
    LeftLine {
        of,
        what: counted(limit.unit, limit.window),
        amount: amount(limit.unit, limit.amount),
        used: amount(limit.unit, limit.used.saturating_add(limit.reserved)),
        left: amount(limit.unit, limit.remaining),
        resets: limit.resets_at.map(|at| when(admin, at)),
    }
}
