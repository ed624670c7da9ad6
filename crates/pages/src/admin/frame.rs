//! What a page of the administration shows around its own content.

use crate::look::Notice;

/// What stands around the content of every page.
#[derive(Clone, Default)]
pub struct Frame {
    /// Who is signed in; without, the page has no navigation.
    pub person: Option<Who>,
    /// The entry of the navigation that this page belongs to.
    pub here: Option<Place>,
    /// What the last action led to.
    pub notice: Option<Notice>,
    /// Whether a part of the service is out of order at present, which every page then says.
    pub degraded: bool,
}

impl Frame {
    /// What a form must send back so that it counts as sent from our page; empty if nobody is signed in.
    pub(crate) fn csrf(&self) -> &str {
        self.person.as_ref().map_or("", |who| &who.csrf)
    }

    /// What `aria-current` says at the entry of `place`.
    pub(crate) fn current(&self, place: Place) -> &'static str {
        if self.here == Some(place) { "page" } else { "false" }
    }

    /// Whether whoever looks may change something, so that there is something to press.
    pub(crate) fn may_change(&self) -> bool {
        self.person.as_ref().is_some_and(|who| who.may_change)
    }
}

/// Whoever is signed in. It has no `Debug`, as `csrf` must not reach a log.
#[derive(Clone, Default)]
pub struct Who {
    /// The name to show.
    pub name: String,
    /// Whether they may change something: administrators, and not auditors.
    pub may_change: bool,
    /// Whether they may have other sessions, which can be ended: people, and not whoever has the admin key.
    pub signs_out_everywhere: bool,
    /// The secret that every form of this session sends along as `csrf`.
    pub csrf: String,
}

/// An entry of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `/`
    Overview,
    /// `/models`
    Models,
    /// `/keys`
    Keys,
    /// `/users`
    Users,
    /// `/limits`
    Limits,
    /// `/reports`
    Reports,
    /// `/audit`
    Audit,
}
