//! Settings that do not exist, and what was meant.

use super::table::{SECTIONS, all};

/// What mends the unknown setting `key`; `sections` are those of this program.
pub(super) fn mend(key: &str, sections: &[String]) -> String {
    let (section, name) = key.split_once('.').unwrap_or((key, ""));
    if !sections.iter().any(|known| known == section) {
        return mend_section(key, section, name, sections);
    }
    let ours = || all().filter(|setting| setting.section == section);
    let near = nearest(name, ours().map(|setting| setting.name));
    if let Some(near) = near {
        return format!("did you mean {section}.{near}?");
    }
    let elsewhere =
        all().find(|setting| setting.name == name && sections.iter().any(|known| known == setting.section));
    if let Some(setting) = elsewhere {
        return format!("did you mean {}?", setting.key());
    }
    let all: Vec<_> = ours().map(|setting| setting.name).collect();
    format!("[{section}] has {}", all.join(", "))
}

fn mend_section(key: &str, section: &str, name: &str, sections: &[String]) -> String {
    if SECTIONS.iter().any(|(known, _)| *known == section) {
        return format!("this program has no [{section}]; leave it out");
    }
    // A setting outside of its section.
    if let Some(setting) = all().find(|setting| setting.name == key) {
        return format!("did you mean {}?", setting.key());
    }
    match nearest(section, sections.iter().map(String::as_str)) {
        Some(near) if name.is_empty() => format!("did you mean [{near}]?"),
        Some(near) => {
            let ours = all().filter(|setting| setting.section == near);
            let name = nearest(name, ours.map(|setting| setting.name)).unwrap_or(name);
            format!("did you mean {near}.{name}?")
        }
        None => format!("the sections are {}", sections.join(", ")),
    }
}

// One that could have been meant: a third of its letters may be wrong.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::damerau_levenshtein(word, known), known))
        .filter(|(wrong, known)| *wrong <= (known.len() / 3).max(1))
        .min_by_key(|(wrong, _)| *wrong)
        .map(|(_, known)| known)
}
