//! What a signature may look like (XML Signature 1.1; SAML core 5.4): one reference, to the very element it stands in,
//! with no transform but the two that SAML knows.

use roxmltree::{Document, Node};

use super::Kind;
use crate::Refusal;
use crate::crypto::SignatureAlgorithm;
use crate::xml::{DSIG, SAML, children, is};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const DIGESTS: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];

/// Checks all signatures, and counts them.
pub(super) fn check(document: &Document<'_>, kind: Kind) -> Result<usize, Refusal> {
    let root = document.root_element();
    let mut signed: Vec<Node<'_, '_>> = Vec::new();
    for node in document.descendants().filter(Node::is_element) {
        if node.tag_name().name() != "Signature" {
            continue;
        }
        if !is(node, DSIG, "Signature") {
            return Err(Refusal::Structure("a signature of another namespace"));
        }
        let parent = node
            .parent()
            .ok_or(Refusal::Structure("a signature outside of a message"))?;
        let assertion =
            kind == Kind::Response && parent.parent() == Some(root) && is(parent, SAML, "Assertion");
        if parent != root && !assertion {
            return Err(Refusal::Structure(
                "a signature in another place than its element",
            ));
        }
        if signed.contains(&parent) {
            return Err(Refusal::Structure("two signatures of one element"));
        }
        in_its_place(node, kind)?;
        signature(node, parent)?;
        signed.push(parent);
    }
    Ok(signed.len())
}

// The schemas say where: after the issuer, in metadata first.
fn in_its_place(node: Node<'_, '_>, kind: Kind) -> Result<(), Refusal> {
    let before = node.prev_sibling_element();
    let right = if kind == Kind::Metadata {
        before.is_none()
    } else {
        before.is_some_and(|before| is(before, SAML, "Issuer") && before.prev_sibling_element().is_none())
    };
    if right {
        Ok(())
    } else {
        Err(Refusal::Structure("a signature that does not follow the issuer"))
    }
}

fn signature(node: Node<'_, '_>, parent: Node<'_, '_>) -> Result<(), Refusal> {
    let parts: Vec<_> = node.children().filter(Node::is_element).collect();
    let names: Vec<_> = parts.iter().map(|part| part.tag_name().name()).collect();
    if parts.iter().any(|part| part.tag_name().namespace() != Some(DSIG))
        || !matches!(
            names.as_slice(),
            ["SignedInfo", "SignatureValue"] | ["SignedInfo", "SignatureValue", "KeyInfo"]
        )
    {
        return Err(Refusal::Structure("a signature of other parts than expected"));
    }
    if let Some(key_info) = parts.get(2) {
        key_info_is_plain(*key_info)?;
    }
    let id = parent
        .attribute("ID")
        .ok_or(Refusal::Structure("a signed element without an ID"))?;
    parts.first().map_or(Ok(()), |info| signed_info(*info, id))
}

// It is not believed: keys come from metadata. But some of its kinds make a library fetch things.
fn key_info_is_plain(node: Node<'_, '_>) -> Result<(), Refusal> {
    let known = |child: &Node<'_, '_>| {
        ["X509Data", "KeyName", "KeyValue"]
            .iter()
            .any(|name| is(*child, DSIG, name))
    };
    if node
        .children()
        .filter(Node::is_element)
        .all(|child| known(&child))
    {
        Ok(())
    } else {
        Err(Refusal::Structure("key information that points elsewhere"))
    }
}

fn signed_info(node: Node<'_, '_>, id: &str) -> Result<(), Refusal> {
    let parts: Vec<_> = node.children().filter(Node::is_element).collect();
    let [canonical, method, reference] = parts.as_slice() else {
        return Err(Refusal::Structure("not exactly one reference"));
    };
    if !is(*canonical, DSIG, "CanonicalizationMethod")
        || !is(*method, DSIG, "SignatureMethod")
        || !is(*reference, DSIG, "Reference")
    {
        return Err(Refusal::Structure(
            "signed information of other parts than expected",
        ));
    }
    if canonical.attribute("Algorithm") != Some(EXCLUSIVE) || canonical.has_children_elements() {
        return Err(Refusal::Algorithm("canonicalization"));
    }
    let known = method.attribute("Algorithm").and_then(SignatureAlgorithm::named);
    if known.is_none() || method.has_children_elements() {
        return Err(Refusal::Algorithm("signature"));
    }
    self::reference(*reference, id)
}

fn reference(node: Node<'_, '_>, id: &str) -> Result<(), Refusal> {
    let mut attributes = node.attributes();
    let uri = attributes
        .next()
        .filter(|first| first.name() == "URI" && first.namespace().is_none());
    if attributes.next().is_some() || uri.and_then(|uri| uri.value().strip_prefix('#')) != Some(id) {
        return Err(Refusal::Structure(
            "a reference to something else than its own element",
        ));
    }
    let parts: Vec<_> = node.children().filter(Node::is_element).collect();
    let [transforms, digest, value] = parts.as_slice() else {
        return Err(Refusal::Structure("a reference of other parts than expected"));
    };
    if !is(*transforms, DSIG, "Transforms")
        || !is(*digest, DSIG, "DigestMethod")
        || !is(*value, DSIG, "DigestValue")
    {
        return Err(Refusal::Structure("a reference of other parts than expected"));
    }
    let known = digest
        .attribute("Algorithm")
        .is_some_and(|uri| DIGESTS.contains(&uri));
    if !known || digest.has_children_elements() {
        return Err(Refusal::Algorithm("digest"));
    }
    self::transforms(*transforms)
}

fn transforms(node: Node<'_, '_>) -> Result<(), Refusal> {
    let all: Vec<_> = node.children().filter(Node::is_element).collect();
    let [enveloped, exclusive] = all.as_slice() else {
        return Err(Refusal::Algorithm("transforms other than the two of SAML"));
    };
    let both = is(*enveloped, DSIG, "Transform")
        && enveloped.attribute("Algorithm") == Some(ENVELOPED)
        && !enveloped.has_children_elements()
        && is(*exclusive, DSIG, "Transform")
        && exclusive.attribute("Algorithm") == Some(EXCLUSIVE);
    let inclusive = exclusive
        .children()
        .filter(Node::is_element)
        .all(|child| is(child, EXCLUSIVE, "InclusiveNamespaces") && !child.has_children_elements());
    if both && inclusive && children(*exclusive, EXCLUSIVE, "InclusiveNamespaces").count() < 2 {
        Ok(())
    } else {
        Err(Refusal::Algorithm("transforms other than the two of SAML"))
    }
}

trait Elements {
    fn has_children_elements(&self) -> bool;
}

impl Elements for Node<'_, '_> {
    fn has_children_elements(&self) -> bool {
        self.children().any(|child| child.is_element())
    }
}
