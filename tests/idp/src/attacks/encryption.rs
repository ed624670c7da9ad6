//! Ciphertexts of the wrong kind, and what is wrong inside.

use super::{Case, Cases};
use crate::encrypt::{Encryption, encrypted};
use crate::forge::{Parts, Signs};
use crate::keys::keys;

pub(super) fn cases(parts: &Parts, listener: &str) -> Vec<Case> {
    let mut cases = Cases::new("encryption");
    let to_us = Encryption::to(&keys().sp);
    let genuine = parts.assertion();
    let right = parts.response(&encrypted(genuine.as_bytes(), &to_us));
    inside(&mut cases, parts, &genuine);
    kinds(&mut cases, parts, &genuine);
    let value = |nth: usize, change: &dyn Fn(&str) -> String| {
        let mut rest = right.as_str();
        let mut made = String::new();
        let mark = "CipherValue>";
        for at in 0.. {
            let Some((before, after)) = rest.split_once(&format!("<xenc:{mark}")) else {
                break;
            };
            let (text, tail) = after.split_once("</").unwrap_or((after, ""));
            let text = if at == nth { change(text) } else { text.to_owned() };
            made.push_str(&format!("{before}<xenc:{mark}{text}</"));
            rest = tail;
        }
        format!("{made}{rest}")
    };
    for (name, keep) in [
        ("content of nothing", 0),
        ("content of a byte", 4),
        ("content without its tag", 24),
        ("content cut", 400),
    ] {
        cases.xml(
            name,
            &value(1, &|text| text.get(..keep).unwrap_or_default().to_owned()),
        );
    }
    for (name, keep) in [("key of nothing", 0), ("key of a byte", 4), ("key cut", 200)] {
        cases.xml(
            name,
            &value(0, &|text| text.get(..keep).unwrap_or_default().to_owned()),
        );
    }
    let flipped = |text: &str| {
        let other = if text.starts_with('A') { "B" } else { "A" };
        format!("{other}{}", text.get(1..).unwrap_or_default())
    };
    cases.xml("content changed", &value(1, &flipped));
    cases.xml("key changed", &value(0, &flipped));
    cases.xml("content no base64", &value(1, &|_| "%%%".into()));
    let reference = format!("<xenc:CipherReference URI=\"{listener}/cipher\"/>");
    cases.xml(
        "content to be fetched",
        &right
            .replace("<xenc:CipherValue>", &format!("{reference}<xenc:x>"))
            .replace("</xenc:CipherValue>", "</xenc:x>"),
    );
    let key = right.split_once("<xenc:EncryptedKey").map_or("", |(_, rest)| {
        rest.split_once("</ds:KeyInfo>").map_or("", |(key, _)| key)
    });
    let key = format!("<xenc:EncryptedKey{key}").replace(" Id=\"_k1\"", "");
    cases.xml(
        "no key",
        &right.replacen(&key, "", 1).replacen(
            &key.replacen("<xenc:EncryptedKey", "<xenc:EncryptedKey Id=\"_k1\"", 1),
            "",
            1,
        ),
    );
    cases.xml(
        "nine keys",
        &right.replace("</ds:KeyInfo>", &format!("{}</ds:KeyInfo>", key.repeat(8))),
    );
    cases.xml(
        "key by name",
        &right.replace("<ds:KeyInfo>", "<ds:KeyInfo><ds:KeyName>x</ds:KeyName>"),
    );
    cases.xml(
        "encrypted and plain",
        &parts.response(&format!("{genuine}{}", encrypted(genuine.as_bytes(), &to_us))),
    );
    cases.xml(
        "encrypted twice",
        &parts.response(&encrypted(genuine.as_bytes(), &to_us).repeat(2)),
    );
    cases.all
}

fn inside(cases: &mut Cases, parts: &Parts, genuine: &str) {
    let to_us = Encryption::to(&keys().sp);
    let mut put = |name, plain: &[u8]| cases.xml(name, &parts.response(&encrypted(plain, &to_us)));
    let unsigned = |signs| {
        let mut unsigned = parts.clone();
        unsigned.signs = signs;
        unsigned
    };
    put("unsigned inside", unsigned(Signs::Nothing).assertion().as_bytes());
    let mut stranger = parts.clone();
    stranger.signer = keys().stranger.clone();
    put("stranger's inside", stranger.assertion().as_bytes());
    put("changed inside", genuine.replace("alice@", "admin@").as_bytes());
    put("nothing inside", b"");
    put("garbage inside", &[0xff; 64]);
    put("a response inside", parts.xml().as_bytes());
    put("two assertions inside", genuine.repeat(2).as_bytes());
    put(
        "a document type inside",
        format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{genuine}").as_bytes(),
    );
    put(
        "an assertion inside of one",
        genuine
            .replace(
                "<saml:AttributeStatement>",
                &format!("<saml:Advice>{genuine}</saml:Advice><saml:AttributeStatement>"),
            )
            .as_bytes(),
    );
    let outer = unsigned(Signs::Response);
    let wrapped = encrypted(stranger.assertion().as_bytes(), &to_us);
    cases.xml(
        "stranger's inside of a genuine response",
        &outer.response(&wrapped),
    );
}

fn kinds(cases: &mut Cases, parts: &Parts, genuine: &str) {
    let mut put =
        |name, how: &Encryption| cases.xml(name, &parts.response(&encrypted(genuine.as_bytes(), how)));
    let to_us = Encryption::to(&keys().sp);
    put("to another", &Encryption::to(&keys().stranger));
    put(
        "RSA 1.5",
        &Encryption {
            transport: "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
            ..to_us.clone()
        },
    );
    put(
        "unknown key transport",
        &Encryption {
            transport: "urn:none",
            ..to_us.clone()
        },
    );
    put(
        "triple DES",
        &Encryption {
            cipher: "http://www.w3.org/2001/04/xmlenc#tripledes-cbc",
            ..to_us.clone()
        },
    );
    put(
        "unknown cipher",
        &Encryption {
            cipher: "urn:none",
            ..to_us.clone()
        },
    );
}
