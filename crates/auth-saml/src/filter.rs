//! The strict filter before anything is believed, and before a C library sees a byte. It lets pass what identity
//! providers send, and little else: a signature that fetches a URL, runs a program or covers another element than the
//! one we read must not get as far as being checked.

mod signature;

use std::collections::HashSet;

use roxmltree::{Document, Node, ParsingOptions};

use crate::Refusal;
use crate::xml::{METADATA, SAML, SAMLP, is};

/// The largest message, in bytes. Real ones with encryption and a hundred groups have 20 KiB.
pub const LONGEST_MESSAGE: usize = 256 * 1024;

/// The largest metadata, in bytes. That of one identity provider has 10 KiB; we take no federation's aggregate.
pub const LONGEST_METADATA: usize = 1024 * 1024;

const DEEPEST: usize = 48;
const MOST_ATTRIBUTES: usize = 64;
const MOST_NODES: u32 = 20_000;
const LONGEST_ID: usize = 256;

/// What the outermost element must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `samlp:Response`, with exactly one assertion, encrypted or not.
    Response,
    /// `saml:Assertion`, as found in an encrypted one.
    Assertion,
    /// `samlp:LogoutRequest`.
    LogoutRequest,
    /// `samlp:LogoutResponse`.
    LogoutResponse,
    /// `md:EntityDescriptor`.
    Metadata,
}

impl Kind {
    const fn element(self) -> (&'static str, &'static str) {
        match self {
            Self::Response => (SAMLP, "Response"),
            Self::Assertion => (SAML, "Assertion"),
            Self::LogoutRequest => (SAMLP, "LogoutRequest"),
            Self::LogoutResponse => (SAMLP, "LogoutResponse"),
            Self::Metadata => (METADATA, "EntityDescriptor"),
        }
    }
}

/// A document that passed the filter. Only the filter makes one.
#[derive(Debug)]
pub struct Filtered<'t> {
    text: &'t str,
    document: Document<'t>,
    signatures: usize,
}

impl<'t> Filtered<'t> {
    /// Lets a document pass, or not.
    ///
    /// # Errors
    /// [`Refusal::Malformed`], [`Refusal::Structure`] or [`Refusal::Algorithm`].
    pub fn new(bytes: &'t [u8], kind: Kind) -> Result<Self, Refusal> {
        let longest = if kind == Kind::Metadata {
            LONGEST_METADATA
        } else {
            LONGEST_MESSAGE
        };
        if bytes.len() > longest {
            return Err(Refusal::Malformed("longer than a message may be"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Malformed("not UTF-8"))?;
        declaration(text)?;
        tags(text)?;
        let options = ParsingOptions {
            allow_dtd: false,
            nodes_limit: MOST_NODES,
            ..ParsingOptions::default()
        };
        let document = Document::parse_with_options(text, options)
            .map_err(|_| Refusal::Malformed("not well-formed XML"))?;
        let (namespace, name) = kind.element();
        if !is(document.root_element(), namespace, name) {
            return Err(Refusal::Malformed("another element than expected"));
        }
        ids(&document)?;
        assertions(&document, kind)?;
        let signatures = signature::check(&document, kind)?;
        Ok(Self {
            text,
            document,
            signatures,
        })
    }

    /// The text as it came.
    #[must_use]
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// How many signatures it holds.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.signatures
    }

    pub(crate) fn root(&self) -> Node<'_, 't> {
        self.document.root_element()
    }
}

// XML 1.0 in UTF-8, said or unsaid: two parsers that disagree on the encoding read two documents.
fn declaration(text: &str) -> Result<(), Refusal> {
    let Some(rest) = text.strip_prefix("<?xml") else {
        return if text.starts_with('<') {
            Ok(())
        } else {
            Err(Refusal::Malformed("something stands before the first element"))
        };
    };
    let end = rest
        .find("?>")
        .ok_or(Refusal::Malformed("an XML declaration without an end"))?;
    let declared = rest[..end].to_ascii_lowercase().replace('\'', "\"");
    if !declared.contains("version=\"1.0\"") {
        return Err(Refusal::Malformed("not XML 1.0"));
    }
    match declared.split_once("encoding") {
        None => Ok(()),
        Some((_, encoding)) if encoding.trim_start_matches([' ', '=']).starts_with("\"utf-8\"") => Ok(()),
        Some(_) => Err(Refusal::Malformed("declared as another encoding than UTF-8")),
    }
}

// Before the parser, whose stack and time it would be: it compares each attribute of an element with all others.
fn tags(text: &str) -> Result<(), Refusal> {
    let bytes = text.as_bytes();
    let (mut at, mut open) = (0, 0_usize);
    while let Some(start) = memchr::memchr(b'<', bytes.get(at..).unwrap_or_default()).map(|found| at + found)
    {
        let tag = Tag::at(bytes, start);
        at = tag.end;
        match bytes.get(start + 1) {
            Some(b'/') => open = open.saturating_sub(1),
            Some(b'!') => return Err(Refusal::Structure("a comment, CDATA section or document type")),
            Some(b'?') if start > 0 => return Err(Refusal::Structure("a processing instruction")),
            Some(b'?') => {}
            _ => open += usize::from(!tag.closed),
        }
        if open > DEEPEST {
            return Err(Refusal::Structure("nested too deep"));
        }
        if tag.attributes > MOST_ATTRIBUTES {
            return Err(Refusal::Structure("an element with too many attributes"));
        }
    }
    Ok(())
}

struct Tag {
    // Just after its last byte.
    end: usize,
    attributes: usize,
    // Whether it is its own end.
    closed: bool,
}

impl Tag {
    fn at(bytes: &[u8], start: usize) -> Self {
        let (mut quote, mut attributes) = (None, 0);
        for (at, byte) in bytes.iter().enumerate().skip(start) {
            match (quote, byte) {
                (None, b'>') => {
                    return Self {
                        end: at + 1,
                        attributes,
                        closed: bytes.get(at.wrapping_sub(1)) == Some(&b'/'),
                    };
                }
                (None, b'"' | b'\'') => {
                    quote = Some(byte);
                    attributes += 1;
                }
                (Some(open), _) if open == byte => quote = None,
                _ => {}
            }
        }
        Self {
            end: bytes.len(),
            attributes,
            closed: false,
        }
    }
}

// What a signature's reference names must be one element, for every reader.
fn ids(document: &Document<'_>) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for attribute in document.descendants().flat_map(|node| node.attributes()) {
        if !attribute.name().eq_ignore_ascii_case("id") {
            continue;
        }
        if attribute.namespace().is_some() || !matches!(attribute.name(), "ID" | "Id") {
            return Err(Refusal::Structure("an ID attribute of another kind"));
        }
        let value = attribute.value();
        let first = value.bytes().next().unwrap_or(b'-');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if value.len() > LONGEST_ID
            || !value.bytes().all(plain)
            || !(first.is_ascii_alphabetic() || first == b'_')
        {
            return Err(Refusal::Structure("an ID that is no name"));
        }
        if !seen.insert(value) {
            return Err(Refusal::Structure("an ID that stands twice"));
        }
    }
    Ok(())
}

// Whatever namespace they pretend to be of: a reader that looks for names must not find another one.
fn assertions(document: &Document<'_>, kind: Kind) -> Result<(), Refusal> {
    let root = document.root_element();
    let mut found = 0;
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        if matches!(
            name,
            "Response" | "LogoutRequest" | "LogoutResponse" | "EntityDescriptor"
        ) && node != root
        {
            return Err(Refusal::Structure("a message inside a message"));
        }
        if !matches!(name, "Assertion" | "EncryptedAssertion") || node == root {
            continue;
        }
        found += 1;
        let in_place = kind == Kind::Response
            && node.parent() == Some(root)
            && node.tag_name().namespace() == Some(SAML);
        if !in_place {
            return Err(Refusal::Structure(
                "an assertion in another place than the response",
            ));
        }
    }
    match (kind, found) {
        (Kind::Response, 0 | 1) | (_, 0) => Ok(()),
        _ => Err(Refusal::Structure("more than one assertion")),
    }
}
