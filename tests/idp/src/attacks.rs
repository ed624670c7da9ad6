//! The corpus of attacks, and of answers that are merely wrong. None of them may let anybody in.

mod cryptography;
mod encryption;
mod parsing;
mod semantics;
mod structure;

use crate::forge::Parts;

/// One answer.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it tries.
    pub class: &'static str,
    /// How.
    pub name: &'static str,
    /// The form's field.
    pub form: String,
}

/// All attacks on the login that `parts` would answer rightly. `listener` is an address that nobody may call.
#[must_use]
pub fn attacks(parts: &Parts, listener: &str) -> Vec<Case> {
    [
        structure::cases(parts),
        cryptography::cases(parts, listener),
        parsing::cases(parts, listener),
        semantics::cases(parts),
        encryption::cases(parts, listener),
    ]
    .concat()
}

// What one file collects.
struct Cases {
    class: &'static str,
    all: Vec<Case>,
}

impl Cases {
    fn new(class: &'static str) -> Self {
        Self {
            class,
            all: Vec::new(),
        }
    }

    fn xml(&mut self, name: &'static str, xml: &str) {
        self.form(name, crate::forge::form(xml));
    }

    fn form(&mut self, name: &'static str, form: String) {
        self.all.push(Case {
            class: self.class,
            name,
            form,
        });
    }

    fn with(&mut self, name: &'static str, parts: &Parts, change: impl FnOnce(&mut Parts)) {
        let mut parts = parts.clone();
        change(&mut parts);
        self.xml(name, &parts.xml());
    }
}
