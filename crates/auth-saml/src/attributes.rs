//! Attributes of people by either of their names, and who of them is which account.

use std::fmt;

use crate::Refusal;
use crate::assertion::{Assertion, Attribute};
use crate::metadata::IdentityProvider;

/// Short and friendly names of the attributes that universities use (eduPerson 202208, SCHAC, SAML subject
/// identifiers), with the name they travel under. The first of several short names is the friendly one.
const KNOWN: [(&[&str], &str); 18] = [
    (
        &["eduPersonPrincipalName", "eppn"],
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.6",
    ),
    (
        &["eduPersonAffiliation", "affiliation"],
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.1",
    ),
    (
        &["eduPersonScopedAffiliation", "scoped_affiliation"],
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.9",
    ),
    (
        &["eduPersonEntitlement", "entitlement"],
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.7",
    ),
    (&["eduPersonTargetedID"], "urn:oid:1.3.6.1.4.1.5923.1.1.1.10"),
    (
        &["eduPersonAssurance", "assurance"],
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.11",
    ),
    (&["eduPersonUniqueId"], "urn:oid:1.3.6.1.4.1.5923.1.1.1.13"),
    (&["eduPersonOrcid", "orcid"], "urn:oid:1.3.6.1.4.1.5923.1.1.1.16"),
    (
        &["isMemberOf", "group", "groups"],
        "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
    ),
    (&["subject-id"], "urn:oasis:names:tc:SAML:attribute:subject-id"),
    (&["pairwise-id"], "urn:oasis:names:tc:SAML:attribute:pairwise-id"),
    (&["uid"], "urn:oid:0.9.2342.19200300.100.1.1"),
    (&["mail", "email"], "urn:oid:0.9.2342.19200300.100.1.3"),
    (&["displayName", "name"], "urn:oid:2.16.840.1.113730.3.1.241"),
    (&["cn"], "urn:oid:2.5.4.3"),
    (&["sn"], "urn:oid:2.5.4.4"),
    (&["givenName"], "urn:oid:2.5.4.42"),
    (&["schacHomeOrganization"], "urn:oid:1.3.6.1.4.1.25178.1.2.9"),
];

/// Attributes whose values end in `@scope`, and are only believed from who may speak for that scope.
const SCOPED: [&str; 5] = [
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.6",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.9",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.13",
    "urn:oasis:names:tc:SAML:attribute:subject-id",
    "urn:oasis:names:tc:SAML:attribute:pairwise-id",
];

/// Which attribute says what. Names may be friendly ones, short ones, or those they travel under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Who this is: one value, never given to another person. Mail is none of these.
    pub id: String,
    /// The name to show.
    pub name: String,
    /// Where to write to.
    pub mail: String,
    /// The groups.
    pub groups: String,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            id: "eduPersonPrincipalName".into(),
            name: "displayName".into(),
            mail: "mail".into(),
            groups: "isMemberOf".into(),
        }
    }
}

/// A person as one identity provider knows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Identity provider and account there: unique over all of them, and the same at every login.
    pub external_id: String,
    /// The name to show, or the account's.
    pub name: String,
    /// Where to write to; the first, where there are several.
    pub mail: Option<String>,
    /// Groups as the identity provider calls them.
    pub groups: Vec<String>,
}

impl Account {
    /// Its name at the identity provider, without that one's.
    #[must_use]
    pub fn id(&self) -> &str {
        self.external_id
            .split_once(' ')
            .map_or(&self.external_id, |(_, id)| id)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(..)")
    }
}

/// The attributes of a person, scopes checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Attributes(Vec<Attribute>);

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attributes({})", self.0.len())
    }
}

impl Attributes {
    /// Those of an assertion. Values of a scope that the identity provider may not speak for are left out, where its
    /// metadata or `scopes` say which it may.
    pub(crate) fn of(assertion: &Assertion, idp: &IdentityProvider, scopes: &[String]) -> Self {
        let allowed: Vec<&String> = idp.scopes.iter().chain(scopes).collect();
        let mut attributes = assertion.attributes.clone();
        for attribute in &mut attributes {
            if SCOPED.contains(&attribute.name.as_str()) && !allowed.is_empty() {
                attribute.values.retain(|value| {
                    value
                        .rsplit_once('@')
                        .is_some_and(|(_, scope)| allowed.iter().any(|one| one.eq_ignore_ascii_case(scope)))
                });
            }
        }
        Self(attributes)
    }

    /// All values of the attribute with this name, whichever of its names that is. Of a known attribute only the name
    /// it travels under counts: a friendly name is what the sender likes to call it (SAML core 2.7.3.1).
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let name = travels_as(name);
        self.0
            .iter()
            .filter(move |attribute| attribute.name == name)
            .flat_map(|attribute| attribute.values.iter().map(String::as_str))
    }

    /// The account.
    ///
    /// # Errors
    /// [`Refusal::Account`] when the attribute that says who this is has no value or several.
    pub fn account(&self, mapping: &Mapping, idp: &IdentityProvider) -> Result<Account, Refusal> {
        let mut ids = self.values(&mapping.id);
        let id = ids
            .next()
            .filter(|id| !id.trim().is_empty())
            .ok_or(Refusal::Account(
                "the attribute that says who this is has no value",
            ))?;
        if ids.any(|other| other != id) {
            return Err(Refusal::Account(
                "the attribute that says who this is has several values",
            ));
        }
        let name = self.values(&mapping.name).find(|name| !name.trim().is_empty());
        Ok(Account {
            // A URI has no space, so that two pairs never make one text.
            external_id: format!("{} {id}", idp.entity_id),
            name: name.unwrap_or(id).to_owned(),
            mail: self.values(&mapping.mail).next().map(str::to_owned),
            groups: self.values(&mapping.groups).map(str::to_owned).collect(),
        })
    }
}

/// The name under which an attribute travels.
#[must_use]
pub fn travels_as(name: &str) -> &str {
    KNOWN
        .iter()
        .find(|(names, _)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
        .map_or(name, |(_, full)| full)
}
