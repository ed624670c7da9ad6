//! Names of the standards, and reading of elements. Everything here works on documents that passed the filter.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use llmgw_types::Timestamp;
use roxmltree::{Document, Node};

use crate::Refusal;

pub(crate) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(crate) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(crate) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub(crate) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
pub(crate) const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
pub(crate) const SHIBMD: &str = "urn:mace:shibboleth:metadata:1.0";

pub(crate) const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
pub(crate) const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// Whether this is the element `name` of `namespace`.
pub(crate) fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.tag_name().namespace() == Some(namespace) && node.tag_name().name() == name
}

/// The child elements with this name.
pub(crate) fn children<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children()
        .filter(move |child| child.is_element() && is(*child, namespace, name))
}

/// The child element with this name, if there is exactly one.
pub(crate) fn only<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Node<'a, 'i>>, Refusal> {
    let mut found = children(node, namespace, name);
    let first = found.next();
    if found.next().is_some() {
        return Err(Refusal::Structure("an element stands twice that may stand once"));
    }
    Ok(first)
}

/// The text of an element that holds nothing but text, without the spaces around it.
pub(crate) fn text(node: Node<'_, '_>) -> Result<String, Refusal> {
    if node.children().any(|child| child.is_element()) {
        return Err(Refusal::Structure("an element stands where text is expected"));
    }
    let text: String = node.children().filter_map(|child| child.text()).collect();
    Ok(text.trim().to_owned())
}

/// The moment in an attribute, if it is there (SAML core 1.3.3: UTC).
pub(crate) fn moment(node: Node<'_, '_>, attribute: &str) -> Result<Option<Timestamp>, Refusal> {
    node.attribute(attribute)
        .map(|text| {
            text.trim()
                .parse()
                .map_err(|_| Refusal::Malformed("a time that is none"))
        })
        .transpose()
}

/// Bytes as messages carry them: base64, in lines or not.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>, Refusal> {
    let letters: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD
        .decode(letters)
        .map_err(|_| Refusal::Malformed("not base64"))
}

/// The document that a signature covers.
pub(crate) fn signed(text: &str) -> Result<Document<'_>, Refusal> {
    Document::parse(text).map_err(|_| Refusal::Malformed("what was signed is not well-formed XML"))
}
