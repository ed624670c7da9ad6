//! What a page shows around its own content.

/// What stands around the content of every page.
#[derive(Clone, Default)]
pub struct Frame {
    /// Who runs the site.
    pub site: SiteNames,
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
}

/// Who runs the site, and what it has.
#[derive(Clone, Debug, Default)]
pub struct SiteNames {
    /// The name of the university or institute.
    pub institution: String,
    /// Where people find help: a mail address, an `https` address, or a short text.
    pub support: Option<String>,
    /// Whether there is an administration service to hand administrators over to.
    pub has_admin_service: bool,
}

impl SiteNames {
    /// Where a link to the support leads, if that is an address.
    pub(crate) fn support_href(&self) -> Option<String> {
        let support = self.support.as_deref()?;
        if support.starts_with("https://") || support.starts_with("http://") {
            Some(support.to_owned())
        } else if support.contains('@') && !support.contains(char::is_whitespace) {
            Some(format!("mailto:{support}"))
        } else {
            None
        }
    }
}

/// The person who is signed in. It has no `Debug`, as `csrf` must not reach a log.
#[derive(Clone, Default)]
pub struct Who {
    /// The name to show.
    pub name: String,
    /// The mail address, if the institution tells it.
    pub mail: Option<String>,
    /// Whether this person may administer the service.
    pub is_admin: bool,
    /// The secret that every form of this session sends along as `csrf`.
    pub csrf: String,
}

/// An entry of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `/keys`
    Keys,
    /// `/usage`
    Usage,
    /// `/limits`
    Limits,
    /// `/models`
    Models,
}

/// A message at the top of a page.
#[derive(Clone, Debug)]
pub struct Notice {
    /// How to take it.
    pub kind: NoticeKind,
    /// What it says.
    pub text: String,
}

/// How to take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// It worked.
    Good,
    /// It did not work.
    Bad,
    /// Neither: something to know.
    Info,
}

impl NoticeKind {
    /// The class that gives a notice its colour.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Info => "info",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SiteNames;

    #[test]
    fn only_an_address_of_the_support_becomes_a_link() {
        let href = |support: &str| {
            SiteNames {
                support: Some(support.to_owned()),
                ..SiteNames::default()
            }
            .support_href()
        };
        assert_eq!(href("it@uni.example").as_deref(), Some("mailto:it@uni.example"));
        assert_eq!(
            href("https://uni.example/help").as_deref(),
            Some("https://uni.example/help")
        );
        assert_eq!(href("javascript:alert(1)"), None);
        assert_eq!(href("Room 3, ask @ the desk"), None);
    }
}
