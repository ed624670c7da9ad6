//! A key that was just made, in the only moment in which it is shown.

use askama::Template;

use super::snippets::Snippets;
use crate::look::Frame;

/// Shows a new key and how to use it. It has no `Debug`, as the key must not reach a log.
#[derive(Clone, Template)]
#[template(path = "portal/made.html")]
pub struct MadeKeyPage {
    /// What stands around the page.
    pub frame: Frame,
    /// The name of the key.
    pub name: String,
    /// The key itself.
    pub text: String,
    /// Where programs send requests; it ends in `/v1`.
    pub base_url: String,
    /// The model of the examples; without, a placeholder stands there.
    pub model: Option<String>,
    /// How long the key in whose place this one was made still works, in words: `24 hours`. `None` for a key that
    /// takes no place, or if the old one stopped at once.
    pub rotated_overlap: Option<String>,
}

impl MadeKeyPage {
    fn snippets(&self) -> Snippets {
        Snippets::new(
            &self.base_url,
            &self.text,
            self.model.as_deref().unwrap_or("MODEL_ID"),
        )
    }
}
