//! Every page of the gallery, and how to take one apart.

use super::{samples, words};

/// Every page of the gallery with what to call it.
#[expect(
    clippy::expect_used,
    reason = "a page that cannot be made ends every test of this file"
)]
pub(crate) fn pages() -> Vec<(String, String)> {
    [words::usual(), words::long(), words::hostile()]
        .iter()
        .flat_map(|words| {
            let pages = samples::all(words).expect("pages can be made");
            pages
                .into_iter()
                .map(move |(name, page)| (format!("{}-{name}", words.kind), page))
        })
        .collect()
}

/// The page of the gallery that is called `wanted`.
#[expect(clippy::expect_used, reason = "a test that names a page wants to see it")]
pub(crate) fn page_named(wanted: &str) -> String {
    let found = pages().into_iter().find(|(name, _)| name == wanted);
    found.expect("a page of the gallery").1
}

/// All opening and closing tags, without `<` and `>`. Quoted values may hold neither, as they are escaped.
pub(crate) fn every_tag(page: &str) -> impl Iterator<Item = &str> {
    page.split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
}

/// The opening tags of `element`.
pub(crate) fn tags<'a>(page: &'a str, element: &str) -> Vec<&'a str> {
    every_tag(page)
        .filter(|tag| tag.split_whitespace().next() == Some(element))
        .collect()
}

/// The value of the attribute `name` of `tag`.
pub(crate) fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(value, _)| value)
}

/// The tag with its quoted values taken out.
pub(crate) fn names_only(tag: &str) -> String {
    tag.split('"').step_by(2).collect()
}
