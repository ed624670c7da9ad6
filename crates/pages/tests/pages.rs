//! What holds for every page, whoever wrote the words on it.

#[path = "../examples/gallery/lists.rs"]
mod lists;
#[path = "../examples/gallery/samples.rs"]
mod samples;
#[path = "../examples/gallery/views.rs"]
mod views;
#[path = "../examples/gallery/words.rs"]
mod words;

/// Every page of the gallery with what to call it.
#[expect(
    clippy::expect_used,
    reason = "a page that cannot be made ends every test of this file"
)]
fn pages() -> Vec<(String, String)> {
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

/// The opening tags of `element`, without `<` and `>`. Quoted values may hold neither, as they are escaped.
fn tags<'a>(page: &'a str, element: &str) -> Vec<&'a str> {
    page.split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
        .filter(|tag| tag.split_whitespace().next() == Some(element))
        .collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(value, _)| value)
}

/// The tag with its quoted values taken out.
fn names_only(tag: &str) -> String {
    tag.split('"').step_by(2).collect()
}

#[test]
fn words_of_others_bring_no_markup_along() {
    for (name, page) in pages() {
        assert!(!page.contains("<script>"), "{name}: a script of somebody else");
        assert!(
            !page.contains("<img src=x"),
            "{name}: an element of somebody else"
        );
        if name.starts_with("hostile") {
            assert!(page.contains("script"), "{name}: the words are not on the page");
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
        for tag in page
            .split('<')
            .skip(1)
            .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
        {
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
                    assert!(ours && !address.starts_with("//"), "{name}: {tag}");
                }
            }
        }
    }
}

#[test]
fn every_form_that_changes_something_proves_where_it_comes_from() {
    for (name, page) in pages() {
        for form in page.split("<form").skip(1) {
            let form = form.split("</form>").next().expect("an end");
            assert!(form.contains("method=\"post\""), "{name}: {form}");
            assert!(
                form.contains("name=\"csrf\" value=\"csrf-of-the-session\""),
                "{name}: {form}"
            );
        }
    }
}

#[test]
fn every_input_has_a_label() {
    for (name, page) in pages() {
        let labelled: Vec<&str> = tags(&page, "label")
            .into_iter()
            .filter_map(|tag| attribute(tag, "for"))
            .collect();
        for tag in [tags(&page, "input"), tags(&page, "select")].concat() {
            match attribute(tag, "type") {
                Some("hidden") => {}
                Some("radio" | "checkbox") => {
                    assert!(
                        page.contains(&format!("\"><<{tag}").replace("\"><<", "><")),
                        "{name}: {tag}"
                    );
                    let before = page.split(&format!("<{tag}>")).next().expect("a part");
                    assert!(
                        before.trim_end().ends_with("choice\">") || before.ends_with("check\">"),
                        "{name}: {tag}"
                    );
                }
                _ => {
                    let id = attribute(tag, "id").unwrap_or_else(|| panic!("{name}: no id at {tag}"));
                    assert!(labelled.contains(&id), "{name}: no label for {tag}");
                }
            }
        }
    }
}

#[test]
fn ids_are_used_once_and_references_lead_somewhere() {
    for (name, page) in pages() {
        let all = page
            .split('<')
            .skip(1)
            .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag));
        let (mut ids, mut references) = (Vec::new(), Vec::new());
        for tag in all {
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
        assert!(
            !page.contains('{'.to_string().repeat(2).as_str()),
            "{name}: a placeholder is left"
        );
    }
}

#[test]
fn only_administrators_see_the_way_to_the_administration() {
    use llmgw_pages::Template;

    let words = words::usual();
    let handover = |is_admin: bool, has_admin_service: bool| {
        let mut page = views::leave(&words);
        page.frame.site.has_admin_service = has_admin_service;
        page.frame
            .person
            .as_mut()
            .expect("somebody is signed in")
            .is_admin = is_admin;
        page.render().expect("a page").contains("/handover")
    };
    assert!(handover(true, true));
    assert!(!handover(false, true) && !handover(true, false));
}

#[test]
fn at_the_limit_no_form_makes_a_key() {
    let pages = pages();
    let page = |wanted: &str| {
        &pages
            .iter()
            .find(|(name, _)| name == wanted)
            .expect("such a page")
            .1
    };
    assert!(page("usual-keys").contains("action=\"/keys\""));
    assert!(!page("usual-keys-at-limit").contains("action=\"/keys\""));
    assert!(page("usual-keys-at-limit").contains("You use 5 of 5 keys."));
}

#[test]
fn what_was_sent_still_stands_in_a_form_that_was_refused() {
    let pages = pages();
    let page = &pages
        .iter()
        .find(|(name, _)| name == "usual-keys-date-error")
        .expect("such a page")
        .1;
    assert!(page.contains("name=\"date\" value=\"2026-11-01\""));
    assert!(page.contains("name=\"expires\" value=\"date\" checked"));
    assert!(page.contains("value=\"qwen3-coder-30b\" checked"));
    assert!(page.contains("id=\"new-date-error\""));
}
