//! What holds for every page, whoever wrote the words on it.

#[path = "../examples/gallery/administration.rs"]
mod administration;
#[path = "../examples/gallery/doors.rs"]
mod doors;
#[path = "../examples/gallery/figures.rs"]
mod figures;
#[path = "pages/forms.rs"]
mod forms;
#[path = "../examples/gallery/lists.rs"]
mod lists;
#[path = "pages/reading.rs"]
mod reading;
#[path = "../examples/gallery/samples.rs"]
mod samples;
#[path = "../examples/gallery/views.rs"]
mod views;
#[path = "../examples/gallery/words.rs"]
mod words;

use reading::{attribute, every_tag, names_only, pages, tags};

#[test]
fn words_of_others_bring_no_markup_along() {
    for (name, page) in pages() {
        assert!(!page.contains("<script>"), "{name}: a script of somebody else");
        assert!(
            !page.contains("<img src=x"),
            "{name}: an element of somebody else"
        );
        // Who is signed out of the administration is told nothing that somebody wrote.
        if name.starts_with("hostile") && !name.contains("admin-signed-out") {
            // The script element of our own is on every page, so the word alone would prove nothing.
            let shown = ["&#60;script&#62;alert(1)", "&lt;script&gt;alert(1)"];
            assert!(
                shown.iter().any(|text| page.contains(text)),
                "{name}: the words are not on the page"
            );
        }
    }
}

#[test]
fn every_page_obeys_the_content_security_policy() {
    for (name, page) in pages() {
        assert!(tags(&page, "style").is_empty(), "{name}: an inline style sheet");
        assert!(
            tags(&page, "base").is_empty() && tags(&page, "iframe").is_empty(),
            "{name}"
        );
        let scripts = tags(&page, "script");
        assert_eq!(scripts.len(), 1, "{name}");
        assert_eq!(
            attribute(scripts[0], "src"),
            Some(llmgw_pages::look::script_path()),
            "{name}"
        );
        for tag in every_tag(&page) {
            let names = names_only(tag);
            assert!(!names.contains(" style="), "{name}: {tag}");
            assert!(
                !names.split_whitespace().any(|word| word.starts_with("on")),
                "{name}: {tag}"
            );
        }
    }
}

#[test]
fn nothing_is_loaded_or_sent_elsewhere() {
    for (name, page) in pages() {
        for element in ["a", "img", "link", "script", "form"] {
            for tag in tags(&page, element) {
                for address in ["href", "src", "action"]
                    .into_iter()
                    .filter_map(|name| attribute(tag, name))
                {
                    let ours = ["/", "#", "mailto:"]
                        .iter()
                        .any(|start| address.starts_with(start));
                    // Between portal and administration there is a way, which begins with a click.
                    let between = matches!(element, "a" | "form")
                        && [doors::PORTAL, doors::ADMINISTRATION]
                            .iter()
                            .any(|place| address.starts_with(place));
                    assert!((ours && !address.starts_with("//")) || between, "{name}: {tag}");
                }
            }
        }
    }
}

#[test]
fn ids_are_used_once_and_references_lead_somewhere() {
    for (name, page) in pages() {
        let (mut ids, mut references) = (Vec::new(), Vec::new());
        for tag in every_tag(&page) {
            ids.extend(attribute(tag, "id"));
            for attribute_ in ["aria-labelledby", "aria-describedby", "for", "data-copy"] {
                references.extend(
                    attribute(tag, attribute_)
                        .into_iter()
                        .flat_map(str::split_whitespace),
                );
            }
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name}: an id stands twice");
        for reference in references {
            assert!(ids.contains(&reference), "{name}: nothing has the id {reference}");
        }
    }
}

#[test]
fn every_page_has_the_same_landmarks() {
    for (name, page) in pages() {
        for element in ["header", "main", "footer", "h1"] {
            assert_eq!(tags(&page, element).len(), 1, "{name}: {element}");
        }
        assert!(page.contains("<html lang=\"en\">"), "{name}");
        assert!(page.trim_start().starts_with("<!doctype html>"), "{name}");
        assert!(
            page.contains("href=\"#content\""),
            "{name}: no way past the navigation"
        );
    }
}

/// Each `{name}` in the file of texts, once.
fn placeholders() -> Vec<&'static str> {
    let mut names: Vec<&str> = include_str!("../texts/en.toml")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split('{').skip(1))
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn every_placeholder_is_filled_in() {
    let names = placeholders();
    assert!(names.contains(&"institution"), "{names:?}");
    for (page_name, page) in pages() {
        for name in &names {
            assert!(
                !page.contains(&format!("{{{name}}}")),
                "{page_name}: {{{name}}} is left"
            );
        }
    }
}
