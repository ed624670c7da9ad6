//! What real identity providers send, in all its kinds: each must be taken.

use std::time::Duration;

use crate::attacks::Case;
use crate::encrypt::{Encryption, encrypted};
use crate::forge::{Parts, SHA256, Signs, TRANSFORMS, form, template};
use crate::keys::keys;

/// Right answers, each of another kind.
#[must_use]
pub fn valid(parts: &Parts) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &'static str, form: String| {
        cases.push(Case {
            class: "valid",
            name,
            form,
        });
    };
    let with = |change: &dyn Fn(&mut Parts)| {
        let mut parts = parts.clone();
        change(&mut parts);
        parts
    };
    for (name, signs) in [
        ("assertion signed", Signs::Assertion),
        ("response signed", Signs::Response),
        ("both signed", Signs::Both),
    ] {
        add(name, form(&with(&|parts| parts.signs = signs).xml()));
    }
    add(
        "next key",
        form(&with(&|parts| parts.signer = keys().next.clone()).xml()),
    );
    add(
        "elliptic key",
        form(
            &with(&|parts| {
                parts.signer = keys().elliptic.clone();
                parts.signature = |id| {
                    template(
                        id,
                        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
                        SHA256,
                        TRANSFORMS,
                    )
                };
            })
            .xml(),
        ),
    );
    add(
        "SHA-512",
        form(
            &with(&|parts| {
                parts.signature = |id| {
                    template(
                        id,
                        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
                        "http://www.w3.org/2001/04/xmlenc#sha512",
                        TRANSFORMS,
                    )
                };
            })
            .xml(),
        ),
    );
    add(
        "inclusive prefixes named",
        form(
            &with(&|parts| {
                parts.signature = |id| {
                    let prefixes = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">\
                        <ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" \
                        PrefixList=\"xs\"/></ds:Transform>";
                    let transforms = TRANSFORMS.replace(
                        "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
                        prefixes,
                    );
                    template(id, crate::forge::RSA_SHA256, SHA256, &transforms)
                };
            })
            .xml(),
        ),
    );
    let xml = parts.xml();
    add(
        "declared as XML 1.0 in UTF-8",
        form(&format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}")),
    );
    let mut lines = form(&xml);
    let mut at = 76;
    while at < lines.len() {
        lines.insert_str(at, "\r\n");
        at += 78;
    }
    add("base64 in lines", lines);
    add(
        "no issuer in the response",
        form(&with(&|parts| parts.response_issuer.clear()).xml()),
    );
    add(
        "clock a minute ahead",
        form(&with(&|parts| parts.issued = parts.issued.plus(Duration::from_secs(59))).xml()),
    );
    for (name, cipher, transport, sha256, beside) in [
        (
            "encrypted, AES-128-GCM",
            "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            OAEP,
            false,
            false,
        ),
        (
            "encrypted, AES-256-GCM",
            "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            OAEP,
            false,
            true,
        ),
        (
            "encrypted, AES-128-CBC",
            "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
            OAEP,
            false,
            true,
        ),
        (
            "encrypted, AES-256-CBC",
            "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
            OAEP11,
            true,
            false,
        ),
    ] {
        let how = Encryption {
            cipher,
            transport,
            sha256,
            beside,
            ..Encryption::to(&keys().sp)
        };
        add(
            name,
            form(&parts.response(&encrypted(parts.assertion().as_bytes(), &how))),
        );
    }
    let before = encrypted(parts.assertion().as_bytes(), &Encryption::to(&keys().old_sp));
    add("encrypted to the key before", form(&parts.response(&before)));
    let outside = with(&|parts| parts.signs = Signs::Response);
    let inside = encrypted(outside.assertion().as_bytes(), &Encryption::to(&keys().sp));
    add(
        "encrypted, response signed only",
        form(&outside.response(&inside)),
    );
    cases
}

pub(crate) const OAEP: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
pub(crate) const OAEP11: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
