//! Reads a signed assertion (SAML core 2). Nothing here decides anything.

use std::fmt;

use llmgw_types::Timestamp;
use roxmltree::Node;

use crate::Refusal;
use crate::xml::{SAML, children, moment, only, text};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// Attributes of one person; more is no person.
const MOST_VALUES: usize = 2_000;

/// What an identity provider asserts of somebody.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Assertion {
    pub(crate) id: String,
    pub(crate) issuer: String,
    pub(crate) issued: Timestamp,
    pub(crate) name_id: NameId,
    pub(crate) confirmations: Vec<Confirmation>,
    pub(crate) conditions: Option<Conditions>,
    pub(crate) statements: Vec<AuthnStatement>,
    pub(crate) attributes: Vec<Attribute>,
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// How the identity provider calls this person towards us; needed to end the login on both sides.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NameId {
    /// The name.
    pub value: String,
    /// Its format.
    pub format: Option<String>,
    /// Who made it.
    pub name_qualifier: Option<String>,
    /// For whom.
    pub sp_name_qualifier: Option<String>,
}

impl fmt::Debug for NameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameId(..)")
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Confirmation {
    pub(crate) recipient: Option<String>,
    pub(crate) in_response_to: Option<String>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_on_or_after: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Conditions {
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_on_or_after: Option<Timestamp>,
    // Each restriction is a list of which we must be in.
    pub(crate) audiences: Vec<Vec<String>>,
    pub(crate) unknown: bool,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AuthnStatement {
    pub(crate) instant: Timestamp,
    pub(crate) session_index: Option<String>,
    pub(crate) session_ends: Option<Timestamp>,
    pub(crate) context: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) friendly: Option<String>,
    pub(crate) values: Vec<String>,
}

pub(crate) fn read(node: Node<'_, '_>) -> Result<Assertion, Refusal> {
    if node.attribute("Version") != Some("2.0") {
        return Err(Refusal::Check("the assertion is not of SAML 2.0"));
    }
    let subject = only(node, SAML, "Subject")?.ok_or(Refusal::Malformed("no subject"))?;
    let name_id = only(subject, SAML, "NameID")?.ok_or(Refusal::Malformed("no name ID"))?;
    let bearers = children(subject, SAML, "SubjectConfirmation")
        .filter(|confirmation| confirmation.attribute("Method") == Some(BEARER));
    let attributes = children(node, SAML, "AttributeStatement")
        .flat_map(|statement| children(statement, SAML, "Attribute"))
        .map(attribute)
        .collect::<Result<Vec<_>, _>>()?;
    if attributes
        .iter()
        .map(|attribute| attribute.values.len())
        .sum::<usize>()
        > MOST_VALUES
    {
        return Err(Refusal::Structure("too many attributes"));
    }
    Ok(Assertion {
        id: required(node, "ID")?,
        issuer: only(node, SAML, "Issuer")?
            .map(text)
            .transpose()?
            .ok_or(Refusal::Malformed("no issuer"))?,
        issued: moment(node, "IssueInstant")?.ok_or(Refusal::Malformed("no time of issue"))?,
        name_id: self::name_id(name_id)?,
        confirmations: bearers.map(confirmation).collect::<Result<_, _>>()?,
        conditions: only(node, SAML, "Conditions")?.map(conditions).transpose()?,
        statements: children(node, SAML, "AuthnStatement")
            .map(statement)
            .collect::<Result<_, _>>()?,
        attributes,
    })
}

fn required(node: Node<'_, '_>, attribute: &str) -> Result<String, Refusal> {
    node.attribute(attribute)
        .map(str::to_owned)
        .ok_or(Refusal::Malformed("an attribute is missing that must be there"))
}

pub(crate) fn name_id(node: Node<'_, '_>) -> Result<NameId, Refusal> {
    let owned = |name| node.attribute(name).map(str::to_owned);
    Ok(NameId {
        value: text(node)?,
        format: owned("Format"),
        name_qualifier: owned("NameQualifier"),
        sp_name_qualifier: owned("SPNameQualifier"),
    })
}

fn confirmation(node: Node<'_, '_>) -> Result<Confirmation, Refusal> {
    let data = only(node, SAML, "SubjectConfirmationData")?
        .ok_or(Refusal::Malformed("a confirmation without data"))?;
    Ok(Confirmation {
        recipient: data.attribute("Recipient").map(str::to_owned),
        in_response_to: data.attribute("InResponseTo").map(str::to_owned),
        not_before: moment(data, "NotBefore")?,
        not_on_or_after: moment(data, "NotOnOrAfter")?,
    })
}

fn conditions(node: Node<'_, '_>) -> Result<Conditions, Refusal> {
    let audiences = children(node, SAML, "AudienceRestriction")
        .map(|restriction| children(restriction, SAML, "Audience").map(text).collect())
        .collect::<Result<_, _>>()?;
    let known = |child: &Node<'_, '_>| {
        ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"]
            .iter()
            .any(|name| crate::xml::is(*child, SAML, name))
    };
    Ok(Conditions {
        not_before: moment(node, "NotBefore")?,
        not_on_or_after: moment(node, "NotOnOrAfter")?,
        audiences,
        unknown: !node
            .children()
            .filter(Node::is_element)
            .all(|child| known(&child)),
    })
}

fn statement(node: Node<'_, '_>) -> Result<AuthnStatement, Refusal> {
    let context = only(node, SAML, "AuthnContext")?
        .map(|context| only(context, SAML, "AuthnContextClassRef"))
        .transpose()?
        .flatten();
    Ok(AuthnStatement {
        instant: moment(node, "AuthnInstant")?.ok_or(Refusal::Malformed("no time of login"))?,
        session_index: node.attribute("SessionIndex").map(str::to_owned),
        session_ends: moment(node, "SessionNotOnOrAfter")?,
        context: context.map(text).transpose()?,
    })
}

// eduPersonTargetedID's values are elements: theirs is the text inside.
fn attribute(node: Node<'_, '_>) -> Result<Attribute, Refusal> {
    let value = |value: Node<'_, '_>| {
        let inner = only(value, SAML, "NameID")?;
        text(inner.unwrap_or(value))
    };
    Ok(Attribute {
        name: required(node, "Name")?,
        friendly: node.attribute("FriendlyName").map(str::to_owned),
        values: children(node, SAML, "AttributeValue")
            .map(value)
            .collect::<Result<_, _>>()?,
    })
}
