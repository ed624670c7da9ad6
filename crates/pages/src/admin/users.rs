//! Users.

use askama::Template;

use super::{Filled, Frame, LeftLine, When};

/// Users, in the order in which they were first seen.
#[derive(Clone, Template)]
#[template(path = "admin/users.html")]
pub struct UsersPage {
    /// What stands around the page.
    pub frame: Frame,
    /// What was looked for: `search`, `group`, `role`, `state`.
    pub filter: Filled,
    /// Whether something was looked for.
    pub filtered: bool,
    /// The users.
    pub users: Vec<UserLine>,
    /// Where the next page is.
    pub next: Option<String>,
    /// Where the first page is, on any other.
    pub first: Option<String>,
}

/// A user.
#[derive(Clone, Debug)]
pub struct UserLine {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Mail address.
    pub mail: Option<String>,
    /// Whether they log in with their institution, which then says their groups.
    pub from_institution: bool,
    /// Groups.
    pub groups: Vec<String>,
    /// `user`, `auditor` or `admin`.
    pub role: String,
    /// `active`, `suspended` or `erased`.
    pub state: String,
    /// When they last logged in.
    pub last_login: Option<When>,
    /// When they were first seen.
    pub created: When,
}

/// A new user: `name`, `mail`, `groups`, `role`, limits.
#[derive(Clone, Template)]
#[template(path = "admin/new_user.html")]
pub struct NewUserPage {
    /// What stands around the page.
    pub frame: Frame,
    /// What stands in the form.
    pub form: Filled,
}

/// A user, and the form to change them: `name`, `mail`, `groups`, `role`, limits.
#[derive(Clone, Template)]
#[template(path = "admin/user.html")]
pub struct UserPage {
    /// What stands around the page.
    pub frame: Frame,
    /// The user.
    pub user: UserLine,
    /// What stands in the form.
    pub form: Filled,
    /// What is left of the limits that hold for them; `None` where that is not known now.
    pub left: Option<Vec<LeftLine>>,
}
