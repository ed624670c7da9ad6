//! Reads the few parts of a form (RFC 7578) that routing and admission need. The body stays the bytes that came.
//!
//! What a model server might read in another way than we do is refused: else one model could be paid for, and
//! another one asked.

use memchr::memmem::{self, Finder};

use crate::BodyRefusal;
use crate::estimate::{BYTES_PER_TOKEN, FILE_TOKENS};
use crate::peek::{Named, Peeked, whole_number};

/// RFC 2046 5.1.1.
const LONGEST_BOUNDARY: usize = 70;

/// The head of a part has three short lines.
const LONGEST_HEAD: usize = 4 * 1024;

/// More parts than any endpoint takes.
const MOST_PARTS: usize = 1_024;

/// Parts that may stand in a form once.
const ONCE: [&str; 3] = ["model", "stream", "n"];

const CHARSET: &str = "its text is not in UTF-8";

/// One part.
struct Part<'a> {
    name: &'a str,
    is_file: bool,
    /// Where its content stands in the body.
    at: std::ops::Range<usize>,
}

/// Reads a form whose parts `boundary` separates. Also returns the tokens its text may have: a quarter of its bytes,
/// and a fixed number for each file.
pub(crate) fn peek(body: &[u8], boundary: &str) -> Result<(Peeked, u64), BodyRefusal> {
    let mut peeked = Peeked::default();
    let (mut tokens, mut seen) = (0, Vec::new());
    for part in parts(body, boundary)? {
        if let Some(name) = ONCE.into_iter().find(|once| *once == part.name) {
            if seen.contains(&name) {
                return Err(BodyRefusal::Twice(name.to_owned()));
            }
            seen.push(name);
            take(&mut peeked, body, &part, name)?;
        }
        let length = part.at.len() as u64;
        if part.is_file {
            tokens += FILE_TOKENS;
            peeked.files += length;
        } else {
            tokens += length / BYTES_PER_TOKEN;
        }
    }
    Ok((peeked, tokens.max(1)))
}

fn take(peeked: &mut Peeked, body: &[u8], part: &Part<'_>, field: &'static str) -> Result<(), BodyRefusal> {
    let wrong = |reason| BodyRefusal::Field { field, reason };
    if part.is_file {
        return Err(wrong("must be a text, not a file"));
    }
    let text = std::str::from_utf8(&body[part.at.clone()]).map_err(|_| wrong("must be a text"))?;
    match field {
        "model" => {
            peeked.model = Some(Named {
                name: text.to_owned(),
                at: part.at.clone(),
                json: false,
            });
        }
        "stream" => peeked.stream = flag(text).ok_or_else(|| wrong("must be true or false"))?,
        // It is charged by this number, which everybody has to read in the same way.
        _ => {
            peeked.n = whole_number(field, text)?;
        }
    }
    Ok(())
}

// Model servers take what pydantic takes.
fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" | "y" | "t" => Some(true),
        "false" | "0" | "off" | "no" | "n" | "f" | "" => Some(false),
        _ => None,
    }
}

fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Part<'a>>, BodyRefusal> {
    let first = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let finder = Finder::new(&between);
    if !body.starts_with(first.as_bytes()) {
        return Err(malformed("it does not begin with its boundary"));
    }
    let (mut found, mut at) = (Vec::new(), first.len());
    loop {
        match body.get(at..at + 2) {
            Some(b"\r\n") => at += 2,
            Some(b"--") if matches!(body.get(at + 2..), Some(b"" | b"\r\n")) => return Ok(found),
            Some(b"--") => return Err(malformed("something stands behind its end")),
            _ => return Err(malformed("a boundary does not stand on a line of its own")),
        }
        if found.len() == MOST_PARTS {
            return Err(malformed("it has more than 1,024 parts"));
        }
        let end = finder
            .find(&body[at..])
            .ok_or_else(|| malformed("its end is missing"))?;
        found.push(part(body, at, at + end)?);
        at += end + between.len();
    }
}

fn part(body: &[u8], start: usize, end: usize) -> Result<Part<'_>, BodyRefusal> {
    let whole = &body[start..end];
    let near = &whole[..whole.len().min(LONGEST_HEAD)];
    let head = memmem::find(near, b"\r\n\r\n").ok_or_else(|| malformed("a part has no head"))?;
    let text = std::str::from_utf8(&whole[..head]).map_err(|_| malformed("the head of a part is no text"))?;
    let mut named = None;
    for line in text.split("\r\n") {
        let (field, value) = line
            .split_once(':')
            .filter(|(field, _)| !field.is_empty() && field.bytes().all(is_token))
            .ok_or_else(|| malformed("a line in the head of a part is no field"))?;
        if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(malformed("a control character stands in the head of a part"));
        }
        if field.eq_ignore_ascii_case("content-transfer-encoding") && !is_as_it_is(value.trim()) {
            return Err(malformed("a part has a Content-Transfer-Encoding"));
        }
        if field.eq_ignore_ascii_case("content-type") {
            check_charset(value)?;
        }
        if field.eq_ignore_ascii_case("content-disposition") && named.replace(disposition(value)?).is_some() {
            return Err(malformed("a part has two names"));
        }
    }
    let (name, is_file) = named.ok_or_else(|| malformed("a part has no name"))?;
    // HTML's way to name another charset for all of them.
    if name == "_charset_" {
        return Err(malformed(CHARSET));
    }
    Ok(Part {
        name,
        is_file,
        at: start + head + 4..end,
    })
}

// Nothing is encoded.
fn is_as_it_is(encoding: &str) -> bool {
    ["7bit", "8bit", "binary"]
        .iter()
        .any(|plain| encoding.eq_ignore_ascii_case(plain))
}

// The name, and whether there is one of a file.
fn disposition(value: &str) -> Result<(&str, bool), BodyRefusal> {
    let (kind, rest) = value.split_once(';').unwrap_or((value, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(malformed("a part is no form-data"));
    }
    let (mut name, mut is_file) = (None, false);
    for (parameter, value) in Parameters(rest) {
        let value = value.ok_or_else(|| malformed("a Content-Disposition cannot be read"))?;
        match parameter.to_ascii_lowercase().as_str() {
            // Some readers take `\\"` for the end of a value, others for a part of it.
            "filename" if !value.ends_with("\\\\") && !value.contains("\\\\\"") => is_file = true,
            "filename*" => is_file = true,
            // What stands behind a backslash is read in different ways.
            _ if value.contains('\\') => {
                return Err(malformed("a backslash stands in a Content-Disposition"));
            }
            // Such a value may be that of the name, or a part of it (RFC 2231).
            encoded if encoded.contains('*') => return Err(malformed("a name is encoded")),
            "name" if name.is_some() => return Err(malformed("a part has two names")),
            "name" => name = Some(value),
            _ => {}
        }
    }
    let name = name.ok_or_else(|| malformed("a part has no name"))?;
    Ok((name, is_file))
}

fn check_charset(content_type: &str) -> Result<(), BodyRefusal> {
    let (_, rest) = content_type.split_once(';').unwrap_or((content_type, ""));
    let known = |value: &str| value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("us-ascii");
    for (name, value) in Parameters(rest) {
        let value = value.ok_or_else(|| malformed("a Content-Type cannot be read"))?;
        let is_charset = name.to_ascii_lowercase().starts_with("charset");
        if is_charset && (name.len() > "charset".len() || !known(value)) {
            return Err(malformed(CHARSET));
        }
    }
    Ok(())
}

/// The boundary that a `content-type` names, where it is that of a form.
pub(crate) fn boundary(content_type: &str) -> Result<&str, BodyRefusal> {
    check_charset(content_type)?;
    let (_, rest) = content_type.split_once(';').unwrap_or((content_type, ""));
    let mut found = None;
    for (parameter, value) in Parameters(rest) {
        if parameter.to_ascii_lowercase().starts_with("boundary") {
            let value = value.filter(|value| is_boundary(value) && parameter.len() == "boundary".len());
            if value.is_none() || found.replace(value).is_some() {
                return Err(malformed("its Content-Type names no boundary that can be used"));
            }
        }
    }
    found
        .flatten()
        .ok_or_else(|| malformed("its Content-Type names no boundary"))
}

fn is_boundary(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=LONGEST_BOUNDARY).contains(&text.len()) && !text.ends_with(' ') && text.bytes().all(known)
}

/// `; name=value; name="value"`, as in RFC 9110 5.6.6. The value of one that cannot be read is `None`.
struct Parameters<'a>(&'a str);

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a str, Option<&'a str>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_start_matches([' ', '\t', ';']);
        if rest.is_empty() {
            return None;
        }
        let Some((name, value)) = rest.split_once('=') else {
            self.0 = "";
            return Some((rest.trim(), None));
        };
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => match quoted_end(quoted) {
                Some(end) => (Some(&quoted[..end]), &quoted[end + 1..]),
                None => (None, ""),
            },
            None => {
                let end = value.find(';').unwrap_or(value.len());
                let plain = value[..end].trim_end();
                (plain.bytes().all(is_token).then_some(plain), &value[end..])
            }
        };
        let behind = behind.trim_start_matches([' ', '\t']);
        let clean = behind.is_empty() || behind.starts_with(';');
        self.0 = if clean { behind } else { "" };
        let name = name.trim();
        let named = !name.is_empty() && name.bytes().all(is_token);
        Some((name, value.filter(|_| clean && named)))
    }
}

fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        end
    })
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn malformed(reason: &'static str) -> BodyRefusal {
    BodyRefusal::Form(reason)
}

#[cfg(test)]
mod tests;
