//! Texts that an administrator writes in Markdown.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// `text` as HTML. HTML inside of it shows as it is written and works as nothing; images become their description,
/// and a link leads only to a web page, a mail address or a place on this site.
#[must_use]
pub fn markdown(text: &str) -> String {
    let events =
        Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).filter_map(tamed);
    let mut page = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut page, events);
    page
}

/// The event, without what could run, load or lead astray.
fn tamed(event: Event<'_>) -> Option<Event<'_>> {
    match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Some(Event::Text(raw)),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            let dest_url = if leads_well(&dest_url) {
                dest_url
            } else {
                "#".into()
            };
            Some(Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }))
        }
        // The page has its own first heading, so those of the text begin one level below. Attributes are dropped:
        // an id of the text could hide one of the page.
        Event::Start(Tag::Heading { level, .. }) => Some(Event::Start(Tag::Heading {
            level: below(level),
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        })),
        Event::End(TagEnd::Heading(level)) => Some(Event::End(TagEnd::Heading(below(level)))),
        // The alignment would become a style attribute, which the content security policy forbids.
        Event::Start(Tag::Table(columns)) => Some(Event::Start(Tag::Table(vec![
                pulldown_cmark::Alignment::None;
                columns.len()
            ]))),
        other => Some(other),
    }
}

/// Whether an address is of a kind that only opens something. One without a scheme stays on this site.
fn leads_well(address: &str) -> bool {
    let scheme = match address.find([':', '/', '?', '#']) {
        Some(end) if address[end..].starts_with(':') => address[..end].to_ascii_lowercase(),
        _ => return true,
    };
    ["http", "https", "mailto"].contains(&scheme.as_str())
}

fn below(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

#[cfg(test)]
mod tests {
    use super::markdown;

    #[test]
    fn html_in_the_text_is_shown_as_text() {
        let page = markdown("a <b onclick=x>c</b>\n\n<script>alert(1)</script>\n");
        assert!(!page.contains("<script") && !page.contains("<b"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
    }

    #[test]
    fn a_link_cannot_run_anything() {
        for bad in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
        ] {
            let page = markdown(&format!("[a]({bad})"));
            assert!(page.contains("href=\"#\""), "{page}");
        }
        for good in [
            "https://uni.example/a:b",
            "mailto:it@uni.example",
            "/rules",
            "#top",
            "a?b=c:d",
        ] {
            assert!(
                markdown(&format!("[a]({good})")).contains(&format!("href=\"{good}\"")),
                "{good}"
            );
        }
    }

    #[test]
    fn headings_begin_below_that_of_the_page() {
        assert_eq!(markdown("# Rules"), "<h2>Rules</h2>\n");
    }

    #[test]
    fn nothing_is_loaded_and_nothing_is_styled() {
        let page = markdown("![a tracker](https://other.example/x.png)\n\n| a | b |\n|:-:|--:|\n| 1 | 2 |\n");
        assert!(!page.contains("<img") && !page.contains("style="), "{page}");
        assert!(page.contains("a tracker"), "{page}");
    }
}
