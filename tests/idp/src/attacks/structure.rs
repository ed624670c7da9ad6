//! Signature wrapping and its kin: a genuine signature over one element, and another element to be read.

use super::{Case, Cases};
use crate::forge::{Parts, Signs, embed, template};

const EVIL_ID: &str = "_evil";

// The assertion that the attacker wants to be read: another account, no signature.
fn evil(parts: &Parts, id: &str) -> String {
    let mut evil = parts.clone();
    evil.assertion_id = id.into();
    evil.attributes = evil.attributes.replace("alice@", "admin@");
    evil.signs = Signs::Nothing;
    evil.assertion()
}

fn signature_of(assertion: &str) -> String {
    let start = assertion.find("<ds:Signature ").unwrap_or(0);
    let end = assertion
        .find("</ds:Signature>")
        .map_or(0, |end| end + "</ds:Signature>".len());
    assertion.get(start..end).unwrap_or_default().to_owned()
}

pub(super) fn cases(parts: &Parts) -> Vec<Case> {
    let mut cases = Cases::new("structure");
    let genuine = parts.assertion();
    let signature = signature_of(&genuine);
    let bare = genuine.replace(&signature, "");
    for (same, id) in [(false, EVIL_ID), (true, parts.assertion_id.as_str())] {
        wrapped_assertions(
            &mut cases,
            parts,
            &genuine,
            &signature,
            &bare,
            &evil(parts, id),
            same,
        );
    }
    wrapped_responses(&mut cases, parts);
    odd_places(&mut cases, parts, &genuine, &signature);
    odd_references(&mut cases, parts);
    odd_ids(&mut cases, parts);
    cases.all
}

// XSW 3 to 8 of Somorovsky et al., "On Breaking SAML" (2012), and what lies between.
fn wrapped_assertions(
    cases: &mut Cases,
    parts: &Parts,
    genuine: &str,
    signature: &str,
    bare: &str,
    evil: &str,
    same_id: bool,
) {
    let name = |other: &'static str, same: &'static str| if same_id { same } else { other };
    let mut add = |name, content: String| cases.xml(name, &parts.response(&content));
    add(name("XSW3", "XSW3 same ID"), format!("{evil}{genuine}"));
    add(
        name("evil after genuine", "evil after genuine, same ID"),
        format!("{genuine}{evil}"),
    );
    let inside = |what: &str| evil.replacen("</saml:Assertion>", &format!("{what}</saml:Assertion>"), 1);
    add(name("XSW4", "XSW4 same ID"), inside(genuine));
    let with_signature = |signature: &str| embed(evil, "</saml:Issuer>", signature);
    add(
        name("XSW5", "XSW5 same ID"),
        format!("{}{bare}", with_signature(signature)),
    );
    let object = |what: &str| {
        signature.replacen(
            "</ds:Signature>",
            &format!("<ds:Object>{what}</ds:Object></ds:Signature>"),
            1,
        )
    };
    add(name("XSW6", "XSW6 same ID"), with_signature(&object(bare)));
    add(
        name("signature holds genuine", "signature holds genuine, same ID"),
        with_signature(&signature.replacen("</ds:Signature>", &format!("{bare}</ds:Signature>"), 1)),
    );
    add(name("XSW8", "XSW8 same ID"), with_signature(&object(genuine)));
    add(
        name("genuine in advice", "genuine in advice, same ID"),
        embed(
            evil,
            "</saml:Subject>",
            &format!("<saml:Advice>{genuine}</saml:Advice>"),
        ),
    );
    let mut extended = parts.clone();
    extended.extensions = format!("<samlp:Extensions>{evil}</samlp:Extensions>");
    let wrapped = extended.response(genuine);
    extended.extensions = format!("<samlp:Extensions>{genuine}</samlp:Extensions>");
    let genuine_first = extended.response(evil);
    cases.xml(name("XSW7", "XSW7 same ID"), &wrapped);
    cases.xml(
        name("genuine in extensions", "genuine in extensions, same ID"),
        &genuine_first,
    );
}

// XSW 1 and 2: the same with whole responses.
fn wrapped_responses(cases: &mut Cases, parts: &Parts) {
    let mut signed = parts.clone();
    signed.signs = Signs::Response;
    let genuine = signed.xml();
    let signature = signature_of(&genuine);
    let bare = genuine.replace(&signature, "");
    let mut forged = parts.clone();
    forged.signs = Signs::Nothing;
    let outer = forged
        .response(&evil(parts, EVIL_ID))
        .replace("ID=\"_r", "ID=\"_x");
    let wrapping = |inside: &str| {
        let open = signature.replacen(
            "</ds:Signature>",
            &format!("<ds:Object>{inside}</ds:Object></ds:Signature>"),
            1,
        );
        embed(&outer, "</saml:Issuer>", &open)
    };
    cases.xml("XSW1", &wrapping(&bare));
    cases.xml("XSW1 signed inside", &wrapping(&genuine));
    cases.xml(
        "XSW2",
        &embed(&outer, "</saml:Issuer>", &format!("{bare}{signature}")),
    );
    cases.xml(
        "XSW2 signature first",
        &embed(&outer, "</saml:Issuer>", &format!("{signature}{bare}")),
    );
    cases.xml(
        "genuine response at the end",
        &outer.replace("</samlp:Response>", &format!("{genuine}</samlp:Response>")),
    );
    cases.xml("response in response", &forged.response(&genuine));
}

fn odd_places(cases: &mut Cases, parts: &Parts, genuine: &str, signature: &str) {
    let bare = genuine.replace(signature, "");
    let put = |cases: &mut Cases, name, content: String| cases.xml(name, &parts.response(&content));
    put(
        cases,
        "signature at the end",
        bare.replacen("</saml:Assertion>", &format!("{signature}</saml:Assertion>"), 1),
    );
    put(
        cases,
        "signature before the issuer",
        bare.replacen("<saml:Issuer>", &format!("{signature}<saml:Issuer>"), 1),
    );
    put(
        cases,
        "signature in the subject",
        embed(&bare, "<saml:Subject>", signature),
    );
    put(
        cases,
        "signature beside the assertion",
        format!("{signature}{bare}"),
    );
    put(
        cases,
        "two signatures",
        embed(&bare, "</saml:Issuer>", &format!("{signature}{signature}")),
    );
    put(
        cases,
        "signature of another namespace",
        genuine.replace("xmldsig#\"><ds:SignedInfo", "xmldsig\"><ds:SignedInfo"),
    );
    put(
        cases,
        "assertion of another namespace beside",
        format!("{genuine}<Assertion xmlns=\"urn:evil\"/>"),
    );
    put(cases, "two genuine assertions", {
        let mut second = parts.clone();
        second.assertion_id = "_second".into();
        format!("{genuine}{}", second.assertion())
    });
    put(cases, "no assertion", String::new());
    put(
        cases,
        "two subjects",
        genuine.replacen(
            "</saml:Subject>",
            "</saml:Subject><saml:Subject><saml:NameID>x</saml:NameID></saml:Subject>",
            1,
        ),
    );
    cases.xml("assertion alone", genuine);
    cases.xml(
        "another element",
        &parts.xml().replace("samlp:Response", "samlp:ArtifactResponse"),
    );
    cases.xml(
        "assertion inside the status",
        &parts
            .response("")
            .replace("</samlp:Status>", &format!("{genuine}</samlp:Status>")),
    );
}

fn odd_references(cases: &mut Cases, parts: &Parts) {
    macro_rules! signature {
        ($name:literal, $from:literal, $to:literal) => {
            cases.xml($name, &parts.xml().replacen($from, $to, 1));
        };
    }
    signature!(
        "empty reference",
        "<ds:Reference URI=\"#",
        "<ds:Reference URI=\"\" x=\"#"
    );
    signature!("reference without URI", "<ds:Reference URI=", "<ds:Reference Id=");
    signature!(
        "reference by XPointer",
        "<ds:Reference URI=\"#_a",
        "<ds:Reference URI=\"#xpointer(/)\" x=\"_a"
    );
    signature!(
        "reference with a type",
        "<ds:Reference URI",
        "<ds:Reference Type=\"http://www.w3.org/2000/09/xmldsig#Manifest\" URI"
    );
    signature!("an object", "</ds:Signature>", "<ds:Object/></ds:Signature>");
    cases.xml("no reference", &parts.xml().replace("ds:Reference", "ds:Nothing"));
    signature!(
        "signed information twice",
        "<ds:SignedInfo>",
        "<ds:SignedInfo/><ds:SignedInfo>"
    );
    cases.with("reference to the response", parts, |parts| {
        parts.signature = |id| {
            template(
                &format!("_r{id}"),
                crate::forge::RSA_SHA256,
                crate::forge::SHA256,
                "",
            )
        };
        parts.signs = Signs::Nothing;
        let signature = (parts.signature)(&parts.assertion_id);
        parts.assertion_issuer = format!("{}{signature}", parts.assertion_issuer);
    });
    let xml = parts.xml();
    let start = xml.find("<ds:Reference ").unwrap_or(0);
    let end = xml
        .find("</ds:Reference>")
        .map_or(0, |end| end + "</ds:Reference>".len());
    let reference = xml.get(start..end).unwrap_or_default();
    cases.xml(
        "two references",
        &xml.replacen(reference, &format!("{reference}{reference}"), 1),
    );
}

fn odd_ids(cases: &mut Cases, parts: &Parts) {
    let xml = parts.xml();
    let id = format!("ID=\"{}\"", parts.assertion_id);
    cases.xml(
        "ID twice",
        &xml.replacen("<samlp:Status>", &format!("<samlp:Status {id}>"), 1),
    );
    cases.xml(
        "ID under another name",
        &xml.replacen("<samlp:Status>", "<samlp:Status id=\"_x\">", 1),
    );
    cases.xml(
        "xml:id",
        &xml.replacen("<samlp:Status>", "<samlp:Status xml:id=\"_x\">", 1),
    );
    cases.xml(
        "ID that is no name",
        &xml.replacen("<samlp:Status>", "<samlp:Status ID=\"1 x\">", 1),
    );
    cases.xml("assertion without an ID", &xml.replacen(&format!(" {id}"), "", 1));
}
