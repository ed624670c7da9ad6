//! What stands in a form: as it is, or as it was typed and refused.

use std::collections::BTreeMap;
use std::fmt;

use crate::portal::FieldError;

/// What a limit can count, as forms send it and in words.
pub(crate) const LIMITS: [(&str, &str); 13] = [
    ("requests/minute", "requests per minute"),
    ("requests/hour", "requests per hour"),
    ("requests/day", "requests per day"),
    ("requests/month", "requests per month"),
    ("tokens/minute", "tokens per minute"),
    ("tokens/hour", "tokens per hour"),
    ("tokens/day", "tokens per day"),
    ("tokens/month", "tokens per month"),
    ("cost/minute", "cost per minute"),
    ("cost/hour", "cost per hour"),
    ("cost/day", "cost per day"),
    ("cost/month", "cost per month"),
    ("in_flight", "requests at the same time"),
];

/// Rows of a list that a form may have.
const MOST_ROWS: usize = 64;

/// What stands in a form, by the names of its fields.
#[derive(Clone, Default)]
pub struct Filled {
    values: BTreeMap<String, Vec<String>>,
    error: Option<FieldError>,
    conflict: Option<Vec<Difference>>,
}

// Somebody may have typed a secret.
impl fmt::Debug for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filled").finish_non_exhaustive()
    }
}

/// A field that somebody else changed meanwhile.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Which.
    pub field: String,
    /// What stands there now.
    pub there: String,
}

impl Filled {
    /// Adds a value of a field; a field may have several.
    pub fn add(&mut self, name: &str, value: impl fmt::Display) {
        let values = self.values.entry(name.to_owned()).or_default();
        values.push(value.to_string());
    }

    /// The same form, refused for `text`: `field: why`, as the services say it, or a sentence.
    #[must_use]
    pub fn refused(mut self, text: &str) -> Self {
        let is_field = |field: &str| !field.is_empty() && !field.contains(char::is_whitespace);
        let (field, why) = text
            .split_once(": ")
            .filter(|(field, _)| is_field(field))
            .unwrap_or(("", text));
        self.error = Some(FieldError {
            field: field.to_owned(),
            text: why.to_owned(),
        });
        self
    }

    /// The same form, which somebody else was faster with: `now` stands there.
    #[must_use]
    pub fn overtaken(mut self, now: &Self) -> Self {
        let names = self.values.keys().chain(now.values.keys());
        let mut names: Vec<&String> = names
            .filter(|name| *name != "seen" && !name.ends_with("_rows"))
            .collect();
        names.sort();
        names.dedup();
        let said = |form: &Self, name: &str| {
            let values = form.values.get(name).map(Vec::as_slice).unwrap_or_default();
            values.join(", ")
        };
        let changed = names.into_iter().filter_map(|name| {
            let there = said(now, name);
            let differs = there != said(&self, name);
            differs.then(|| Difference {
                field: name.replace('_', " "),
                there,
            })
        });
        self.conflict = Some(changed.collect());
        // Saving again is then on what stands there now.
        self.values
            .insert("seen".to_owned(), vec![now.value("seen").to_owned()]);
        self
    }

    /// The first value of a field; empty where it has none.
    #[must_use]
    pub fn value(&self, name: impl AsRef<str>) -> &str {
        let values = self.values.get(name.as_ref());
        values
            .and_then(|values| values.first())
            .map_or("", String::as_str)
    }

    /// Whether the field has this value among its values.
    pub(crate) fn has(&self, name: impl AsRef<str>, value: impl AsRef<str>) -> bool {
        let values = self.values.get(name.as_ref());
        values.is_some_and(|values| values.iter().any(|one| one == value.as_ref()))
    }

    /// The rows of the list `name`, by number. A form says in `{name}_rows` how many there are.
    #[must_use]
    pub fn rows(&self, name: impl fmt::Display) -> std::ops::Range<usize> {
        let count: usize = self.value(format!("{name}_rows")).parse().unwrap_or(0);
        0..count.min(MOST_ROWS)
    }

    /// How many rows the list has.
    pub(crate) fn count(&self, name: impl fmt::Display) -> usize {
        self.rows(name).end
    }

    /// What is wrong with a field.
    pub(crate) fn error(&self, name: impl AsRef<str>) -> Option<&str> {
        let error = self.error.as_ref().filter(|error| error.field == name.as_ref());
        error.map(|error| error.text.as_str())
    }

    /// What is wrong with the form.
    pub(crate) fn wrong(&self) -> Option<&str> {
        self.error.as_ref().map(|error| error.text.as_str())
    }

    /// What somebody else changed, where somebody did.
    pub(crate) fn conflict(&self) -> Option<&[Difference]> {
        self.conflict.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(values: &[(&str, &str)]) -> Filled {
        let mut form = Filled::default();
        values.iter().for_each(|(name, value)| form.add(name, value));
        form
    }

    #[test]
    fn an_error_stands_at_its_field() {
        let refused = form(&[]).refused("name: is too long");
        assert_eq!(refused.error("name"), Some("is too long"));
        let refused = form(&[]).refused("There are two: one and another");
        assert_eq!(refused.wrong(), Some("There are two: one and another"));
    }

    #[test]
    fn who_was_overtaken_sees_what_is_there_and_keeps_what_was_typed() {
        let now = form(&[("name", "theirs"), ("seen", "2"), ("mail", "m")]);
        let typed = form(&[("name", "mine"), ("seen", "1"), ("mail", "m")]).overtaken(&now);
        let there: Vec<(&str, &str)> = typed
            .conflict()
            .unwrap()
            .iter()
            .map(|one| (one.field.as_str(), one.there.as_str()))
            .collect();
        assert_eq!(there, [("name", "theirs")]);
        assert_eq!((typed.value("name"), typed.value("seen")), ("mine", "2"));
    }
}
