//! Pages that several parts of the administration have.

use askama::Template;

use super::Frame;

/// Asks before something that cannot be undone, or that stops somebody's work.
#[derive(Clone, Template)]
#[template(path = "admin/confirm.html")]
pub struct ConfirmPage {
    /// What stands around the page.
    pub frame: Frame,
    /// What is asked.
    pub title: String,
    /// To what it would happen.
    pub subject: String,
    /// What would happen.
    pub text: String,
    /// Where the form goes.
    pub action: String,
    /// What it sends along, by name.
    pub fields: Vec<(String, String)>,
    /// What stands on the button.
    pub confirm: String,
    /// Where one goes otherwise.
    pub keep: String,
}

/// A key that was just made: the one time its text is shown.
#[derive(Clone, Template)]
#[template(path = "admin/made.html")]
pub struct MadePage {
    /// What stands around the page.
    pub frame: Frame,
    /// The key's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    /// Its text.
    pub text: String,
    /// For how long the one before goes on, where it took that one's place.
    pub overlap: Option<String>,
}
