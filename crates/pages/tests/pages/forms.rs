//! What holds for every form.

use super::reading::{attribute, page_named, pages, tags};
use super::{views, words};

#[test]
fn every_form_that_changes_something_proves_where_it_comes_from() {
    for (name, page) in pages() {
        for form in page.split("<form").skip(1) {
            let form = form.split("</form>").next().expect("an end");
            // What only looks for something changes nothing, and its address can be kept.
            if form.contains("method=\"get\"") {
                assert!(!form.contains("csrf"), "{name}: {form}");
                continue;
            }
            assert!(form.contains("method=\"post\""), "{name}: {form}");
            // What opens a session carries a key, or a token of another kind.
            if form.contains("action=\"/sign-in\"") || form.contains("name=\"token\"") {
                continue;
            }
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
        for tag in [
            tags(&page, "input"),
            tags(&page, "select"),
            tags(&page, "textarea"),
        ]
        .concat()
        {
            match attribute(tag, "type") {
                Some("hidden") => {}
                Some("radio" | "checkbox") => assert!(stands_in_a_label(&page, tag), "{name}: {tag}"),
                _ => {
                    let id = attribute(tag, "id").unwrap_or_else(|| panic!("{name}: no id at {tag}"));
                    assert!(labelled.contains(&id), "{name}: no label for {tag}");
                }
            }
        }
    }
}

/// Whether the last label that was begun before `tag` has not ended there.
fn stands_in_a_label(page: &str, tag: &str) -> bool {
    let before = page.split(&format!("<{tag}>")).next().unwrap_or_default();
    before.rfind("<label") > before.rfind("</label>")
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
    assert!(page_named("usual-keys").contains("action=\"/keys\""));
    let full = page_named("usual-keys-at-limit");
    assert!(!full.contains("action=\"/keys\""));
    assert!(full.contains("You use 5 of 5 keys."));
}

#[test]
fn what_was_sent_still_stands_in_a_form_that_was_refused() {
    let page = page_named("usual-keys-date-error");
    assert!(page.contains("name=\"date\" value=\"2026-11-01\""));
    assert!(page.contains("name=\"expires\" value=\"date\" checked"));
    assert!(page.contains("value=\"qwen3-coder-30b\" checked"));
}

#[test]
fn a_message_belongs_to_the_field_that_it_is_about() {
    for field in ["name", "date", "model", "expires"] {
        let page = page_named(&format!("usual-keys-{field}-error"));
        let id = format!("new-{field}-error");
        assert!(page.contains(&format!("class=\"wrong\" id=\"{id}\"")), "{field}");
        let described = [tags(&page, "input"), tags(&page, "fieldset")].concat();
        let mut described = described.into_iter().filter(|tag| {
            attribute(tag, "aria-describedby").is_some_and(|ids| ids.split(' ').any(|one| one == id))
        });
        let tag = described
            .next()
            .unwrap_or_else(|| panic!("{field}: nothing names {id}"));
        assert!(
            tag.starts_with("fieldset") || attribute(tag, "aria-invalid") == Some("true"),
            "{tag}"
        );
    }
}
