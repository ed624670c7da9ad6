//! Limits that stand with no key, user or model.

use askama::Template;

use super::{Filled, Frame};

/// Limits of everyone, of each user, and of groups. The form sets the first two: `everyone_from` and `each_user_from`
/// (`settings` or `set`), and their limits.
#[derive(Clone, Template)]
#[template(path = "admin/limits.html")]
pub struct LimitsPage {
    /// What stands around the page.
    pub frame: Frame,
    /// What stands in the form.
    pub form: Filled,
    /// Groups that have limits.
    pub groups: Vec<GroupLine>,
}

/// A group's limits, in words.
#[derive(Clone, Debug)]
pub struct GroupLine {
    /// The group.
    pub group: String,
    /// Where its page is.
    pub href: String,
    /// For each member alone.
    pub each: Vec<String>,
    /// For all members together.
    pub shared: Vec<String>,
    /// Whether they were set here.
    pub set: bool,
}

/// A group's limits, and the form to change them: `group`, and limits `each` and `shared`.
#[derive(Clone, Template)]
#[template(path = "admin/group.html")]
pub struct GroupPage {
    /// What stands around the page.
    pub frame: Frame,
    /// The group.
    pub group: String,
    /// What stands in the form.
    pub form: Filled,
    /// Where the question is before what was set is taken away; `None` where nothing was.
    pub unset: Option<String>,
}
