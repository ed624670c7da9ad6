//! Signatures of the wrong maker, kind or content, and those that make a library fetch or compute things.

use super::{Case, Cases};
use crate::forge::{Parts, RSA_SHA256, SHA256, Signs, TRANSFORMS, template};
use crate::keys::keys;

const EXCLUSIVE: &str = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";

pub(super) fn cases(parts: &Parts, listener: &str) -> Vec<Case> {
    let mut cases = Cases::new("cryptography");
    for (name, signs) in [
        ("nothing signed", Signs::Nothing),
        ("stranger's assertion", Signs::Assertion),
        ("stranger's response", Signs::Response),
        ("stranger's both", Signs::Both),
    ] {
        cases.with(name, parts, |parts| {
            parts.signs = signs;
            parts.signer = keys().stranger.clone();
        });
    }
    cases.with("signed by ourselves", parts, |parts| {
        parts.signer = keys().sp.clone();
    });
    edited(&mut cases, parts);
    algorithms(&mut cases, parts);
    transforms(&mut cases, parts, listener);
    key_information(&mut cases, parts, listener);
    cases.all
}

fn edited(cases: &mut Cases, parts: &Parts) {
    let xml = parts.xml();
    cases.xml("account changed", &xml.replace("alice@", "admin@"));
    cases.xml(
        "audience changed",
        &xml.replace("<saml:Audience>", "<saml:Audience> "),
    );
    cases.xml(
        "attribute added",
        &xml.replace(
            "<saml:AttributeStatement>",
            "<saml:AttributeStatement><saml:Attribute Name=\"x\"/>",
        ),
    );
    let value = |from: &str, to: &str| {
        let start = xml.find(from).map_or(0, |at| at + from.len());
        let end = xml
            .get(start..)
            .and_then(|rest| rest.find('<'))
            .map_or(start, |at| start + at);
        format!(
            "{}{to}{}",
            xml.get(..start).unwrap_or_default(),
            xml.get(end..).unwrap_or_default()
        )
    };
    cases.xml("signature empty", &value("<ds:SignatureValue>", ""));
    cases.xml(
        "signature of zeros",
        &value("<ds:SignatureValue>", &"A".repeat(342)),
    );
    cases.xml("signature no base64", &value("<ds:SignatureValue>", "%%%"));
    cases.xml("digest empty", &value("<ds:DigestValue>", ""));
    cases.xml(
        "digest of another",
        &value("<ds:DigestValue>", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    );
    let mut inner = parts.clone();
    inner.signer = keys().stranger.clone();
    let mut outer = parts.clone();
    outer.signs = Signs::Response;
    cases.xml(
        "inner signature broken",
        &outer.response(&parts.assertion().replace("alice@", "admin@")),
    );
    cases.xml(
        "stranger's assertion in a genuine response",
        &outer.response(&inner.assertion()),
    );
}

fn algorithms(cases: &mut Cases, parts: &Parts) {
    let mut with =
        |name, signature: fn(&str) -> String| cases.with(name, parts, |parts| parts.signature = signature);
    with("SHA-1 signature", |id| {
        template(
            id,
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            SHA256,
            TRANSFORMS,
        )
    });
    with("SHA-1 digest", |id| {
        template(
            id,
            RSA_SHA256,
            "http://www.w3.org/2000/09/xmldsig#sha1",
            TRANSFORMS,
        )
    });
    let xml = parts.xml();
    for (name, algorithm) in [
        (
            "HMAC with the public key",
            "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        ),
        (
            "HMAC with SHA-256",
            "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        ),
        ("MD5 signature", "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"),
        ("DSA signature", "http://www.w3.org/2000/09/xmldsig#dsa-sha1"),
        ("unknown signature", "urn:none"),
        (
            "ECDSA said of RSA",
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        ),
    ] {
        cases.xml(name, &xml.replace(RSA_SHA256, algorithm));
    }
    for (name, algorithm) in [
        ("MD5 digest", "http://www.w3.org/2001/04/xmldsig-more#md5"),
        ("RIPEMD digest", "http://www.w3.org/2001/04/xmlenc#ripemd160"),
        ("unknown digest", "urn:none"),
    ] {
        cases.xml(name, &xml.replace(SHA256, algorithm));
    }
    cases.xml("HMAC cut short", &xml.replacen(
        &format!("<ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"/>"),
        &format!("<ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>"),
        1,
    ));
    for (name, algorithm) in [
        (
            "canonical form with comments",
            "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
        ),
        (
            "inclusive canonical form",
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        ),
    ] {
        cases.xml(
            name,
            &xml.replacen(
                "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"",
                &format!("Algorithm=\"{algorithm}\""),
                1,
            ),
        );
    }
}

fn transforms(cases: &mut Cases, parts: &Parts, listener: &str) {
    let xml = parts.xml();
    let mut with = |name, transforms: &str| cases.xml(name, &xml.replacen(TRANSFORMS, transforms, 1));
    let transform = |algorithm: &str, inside: &str| {
        format!("<ds:Transform Algorithm=\"{algorithm}\">{inside}</ds:Transform>")
    };
    let added = |algorithm: &str, inside: &str| format!("{TRANSFORMS}{}", transform(algorithm, inside));
    let xslt = "http://www.w3.org/TR/1999/REC-xslt-19991116";
    with(
        "a program",
        &added(
            xslt,
            "<xsl:stylesheet xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" version=\"1.0\"/>",
        ),
    );
    with(
        "a program that fetches",
        &added(
            xslt,
            &format!(
                "<xsl:stylesheet xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" version=\"1.0\"><xsl:template match=\"/\">\
         <xsl:copy-of select=\"document('{listener}')\"/></xsl:template></xsl:stylesheet>"
            ),
        ),
    );
    with(
        "XPath",
        &added(
            "http://www.w3.org/TR/1999/REC-xpath-19991116",
            "<ds:XPath>not(ancestor::x)</ds:XPath>",
        ),
    );
    with(
        "XPath filter",
        &added("http://www.w3.org/2002/06/xmldsig-filter2", ""),
    );
    with("base64", &added("http://www.w3.org/2000/09/xmldsig#base64", ""));
    with(
        "transform with comments",
        &TRANSFORMS.replace("exc-c14n#\"", "exc-c14n#WithComments\""),
    );
    with("no transform", "");
    with("enveloped only", &TRANSFORMS.replace(EXCLUSIVE, ""));
    with("exclusive only", EXCLUSIVE);
    with(
        "other order",
        &format!("{EXCLUSIVE}{}", TRANSFORMS.replace(EXCLUSIVE, "")),
    );
    with("twenty transforms", &TRANSFORMS.repeat(10));
    let mut refer = |name, uri: &str| {
        let from = format!("URI=\"#{}\"", parts.assertion_id);
        cases.xml(name, &xml.replacen(&from, &format!("URI=\"{uri}\""), 1));
    };
    refer("reference to the network", &format!("{listener}/reference"));
    refer("reference to a file", "file:///etc/passwd");
    refer("reference to another file system", "ftp://127.0.0.1/x");
    refer("reference to an absent element", "#_nothing");
}

fn key_information(cases: &mut Cases, parts: &Parts, listener: &str) {
    let mut stranger = parts.clone();
    stranger.signer = keys().stranger.clone();
    let xml = stranger.xml();
    let mut with = |name, inside: &str| {
        let info = format!("</ds:SignatureValue><ds:KeyInfo>{inside}</ds:KeyInfo>");
        cases.xml(name, &xml.replacen("</ds:SignatureValue>", &info, 1));
    };
    let base64 = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        keys().stranger.der().der(),
    );
    with(
        "stranger's certificate inside",
        &format!("<ds:X509Data><ds:X509Certificate>{base64}</ds:X509Certificate></ds:X509Data>"),
    );
    with(
        "stranger's key inside",
        "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>",
    );
    with(
        "key to be fetched",
        &format!(
            "<ds:RetrievalMethod URI=\"{listener}/key\" Type=\"http://www.w3.org/2000/09/xmldsig#rawX509Certificate\"/>"
        ),
    );
    with(
        "key in DER",
        "<d:DEREncodedKeyValue xmlns:d=\"http://www.w3.org/2009/xmldsig11#\">AQAB</d:DEREncodedKeyValue>",
    );
    with(
        "key by reference",
        &format!(
            "<d:KeyInfoReference xmlns:d=\"http://www.w3.org/2009/xmldsig11#\" URI=\"{listener}/key\"/>"
        ),
    );
}
