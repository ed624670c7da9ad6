//! Rules about the documents: what they link to, name and list must be there.

use std::path::{Component, Path, PathBuf};

use crate::sources::{Source, read, root, walk};

/// A Markdown file: its path from the workspace's root, and its text.
#[derive(Debug)]
pub(crate) struct Document {
    path: String,
    text: String,
}

const FOLDERS: [&str; 6] = ["crates/", "bins/", "tests/", "docs/", "scripts/", "deploy/"];

/// Every Markdown file of the workspace.
pub(crate) fn all() -> Vec<Document> {
    let mut paths = Vec::new();
    walk(&root(), "md", &mut paths);
    let documents: Vec<Document> = paths
        .into_iter()
        .map(|path| Document {
            text: read(&path),
            path,
        })
        .collect();
    assert!(
        documents.iter().any(|document| document.path == "README.md"),
        "README.md was not found"
    );
    documents
}

/// The lines of the first fenced block behind `mark`.
pub(crate) fn block_after(text: &str, mark: &str) -> Option<String> {
    let (_, behind) = text.split_once(mark)?;
    let mut lines = behind.lines().skip_while(|line| !line.starts_with("```")).skip(1);
    let block: Vec<&str> = lines
        .by_ref()
        .take_while(|line| !line.starts_with("```"))
        .collect();
    Some(block.join("\n"))
}

/// Relative links that lead to no file, or to no heading of it.
pub(crate) fn dead_links(documents: &[Document]) -> Vec<String> {
    let mut dead = Vec::new();
    for document in documents {
        for link in links(&document.text) {
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            if path.contains(':') {
                continue;
            }
            let folder = Path::new(&document.path).parent().unwrap_or(Path::new(""));
            let target = if path.is_empty() {
                PathBuf::from(&document.path)
            } else {
                tidy(&folder.join(path))
            };
            let there = root().join(&target);
            let found =
                there.exists() && (heading.is_empty() || headings(&there).iter().any(|h| h == heading));
            if !found {
                dead.push(format!("{}: {link}", document.path));
            }
        }
    }
    dead
}

// Without `..`, so that a link cannot pass by leading out of the tree and back.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                tidy.pop();
            }
            Component::CurDir => {}
            other => tidy.push(other),
        }
    }
    tidy
}

fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text) {
        // What stands in back quotes is no link.
        let plain: String = line.split('`').step_by(2).collect();
        let targets = plain
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', ' ']).next());
        links.extend(targets.map(str::to_owned));
    }
    links
}

fn headings(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let titles = prose(&text).filter(|line| line.starts_with('#'));
    titles
        .map(|title| anchor(title.trim_start_matches('#').trim()))
        .collect()
}

// As GitHub makes it.
fn anchor(title: &str) -> String {
    let kept = title
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Lines outside of fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Paths of this tree and targets of `make` that a document names and that are not there.
pub(crate) fn missing(documents: &[Document], makefile: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for document in documents {
        let gone = quoted(&document.text)
            .into_iter()
            .filter(|text| !exists(text, makefile));
        missing.extend(gone.map(|text| format!("{}: {text}", document.path)));
    }
    missing
}

fn exists(text: &str, makefile: &str) -> bool {
    if let Some(target) = text.strip_prefix("make ") {
        let target = target.split_whitespace().next().unwrap_or_default();
        return makefile
            .lines()
            .any(|line| line.starts_with(&format!("{target}:")));
    }
    let pattern = text.contains(['*', '<', '{', '$']) || text.contains("...");
    let ours = FOLDERS.iter().any(|folder| text.starts_with(folder));
    let path = text.split([':', ' ']).next().unwrap_or_default();
    pattern || !ours || root().join(path).exists()
}

/// Macros (`like_this!`) that a document names and no source file makes.
pub(crate) fn missing_macros(documents: &[Document], files: &[Source]) -> Vec<String> {
    let mut missing = Vec::new();
    for document in documents {
        for text in quoted(&document.text) {
            let Some(path) = text.strip_suffix('!') else {
                continue;
            };
            let made = format!("macro_rules! {}", path.rsplit("::").next().unwrap_or_default());
            if !files
                .iter()
                .any(|file| file.text.lines().any(|line| line.starts_with(&made)))
            {
                missing.push(format!("{}: {text}", document.path));
            }
        }
    }
    missing
}

/// What stands in back quotes, and the commands of fenced blocks.
fn quoted(text: &str) -> Vec<String> {
    let spans = prose(text).flat_map(|line| line.split('`').skip(1).step_by(2));
    let commands = text
        .lines()
        .map(|line| line.trim_start_matches("$ "))
        .filter(|line| line.starts_with("make "));
    spans.chain(commands).map(str::to_owned).collect()
}

/// Tests that the last column of a table names (`like_this`) and that no source file has. `clippy.toml` and
/// other files are named by their paths.
pub(crate) fn unheld(document: &str, files: &[Source]) -> Vec<String> {
    let Some((_, behind)) = document.split_once("<!-- invariants -->") else {
        return vec!["there is no <!-- invariants --> mark".to_owned()];
    };
    let rows: Vec<&str> = behind
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .collect();
    let mut unheld = Vec::new();
    for row in &rows {
        let holders = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let names: Vec<&str> = holders.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            unheld.push(format!("nothing holds: {row}"));
        }
        for name in names
            .into_iter()
            .filter(|name| !name.contains(['.', '/', ' ', ':']))
        {
            let head = format!("fn {name}(");
            let case = format!("{name},");
            let stands = |file: &Source| {
                file.text.contains(&head) || file.text.lines().any(|line| line.trim() == case)
            };
            if !files.iter().any(stands) {
                unheld.push(name.to_owned());
            }
        }
    }
    if rows.is_empty() {
        unheld.push("the table is empty".to_owned());
    }
    unheld
}

/// Settings of `sections` that the table of the standalone guide does not have, and the other way round.
pub(crate) fn unlisted_settings(sections: &str, readme: &str) -> Vec<String> {
    let (known, listed) = (settings(sections), listed(readme));
    let unlisted = known
        .iter()
        .filter(|key| !listed.contains(key))
        .map(|key| format!("{key} is not in standalone.md"));
    let unknown = listed
        .iter()
        .filter(|key| !known.contains(key))
        .map(|key| format!("{key} does not exist"));
    let mut differences: Vec<String> = unlisted.chain(unknown).collect();
    if known.is_empty() {
        differences.push("no setting was found".to_owned());
    }
    differences
}

// `section.key`, from a struct whose comment begins with `[section]` and its public fields.
fn settings(sections: &str) -> Vec<String> {
    let mut section = None;
    let mut keys = Vec::new();
    for line in sections.lines() {
        if let Some(name) = line.strip_prefix("/// `[") {
            section = name.split(']').next();
        } else if line == "}" {
            section = None;
        } else if let (Some(section), Some(field)) = (section, line.strip_prefix("    pub "))
            && let Some((key, _)) = field.split_once(':')
        {
            keys.push(format!("{section}.{key}"));
        }
    }
    keys
}

fn listed(readme: &str) -> Vec<String> {
    let Some((_, behind)) = readme.split_once("<!-- settings -->") else {
        return Vec::new();
    };
    let rows = behind
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Vec<Document> {
        vec![Document {
            path: "docs/x.md".to_owned(),
            text: text.to_owned(),
        }]
    }

    #[test]
    fn links_are_followed_from_their_document() {
        let alive = "[a](../README.md) [b](https://x.y/z) [c](../tests/architecture.rs) `[d](nowhere)`\n```\n[e](no)\n```\n";
        assert!(dead_links(&document(alive)).is_empty());
        for dead in [
            "[a](README.md)",
            "[b](../tests/nowhere.rs)",
            "[c](#no-such-heading)",
        ] {
            assert_eq!(dead_links(&document(dead)).len(), 1, "{dead}");
        }
    }

    #[test]
    fn headings_become_anchors() {
        assert_eq!(
            anchor("The way of one request: `pipeline.rs`"),
            "the-way-of-one-request-pipeliners"
        );
    }

    #[test]
    fn what_is_named_must_be_there() {
        let makefile = "demo: ## x\n\ttrue\n";
        assert!(
            missing(
                &document("`make demo`, `tests/architecture.rs`, `crates/*/src`, `x/y`"),
                makefile
            )
            .is_empty()
        );
        assert_eq!(
            missing(
                &document("`make tea`\n```\nmake coffee ONCE=1\n```\n`crates/nowhere`"),
                makefile
            )
            .len(),
            3
        );
    }

    #[test]
    fn macros_must_be_there() {
        let files = [Source {
            path: "a.rs".to_owned(),
            text: "macro_rules! made {\n".to_owned(),
        }];
        assert!(missing_macros(&document("`a::made!`, `not a macro`"), &files).is_empty());
        assert_eq!(
            missing_macros(&document("`a::unmade!`"), &files),
            ["docs/x.md: a::unmade!"]
        );
    }

    #[test]
    fn an_invariant_without_its_test_is_named() {
        let files = [Source {
            path: "a.rs".to_owned(),
            text: "fn held() {}\nmacro!(\n    a_case,\n);".to_owned(),
        }];
        let table =
            |holders: &str| format!("<!-- invariants -->\n\n| a | b |\n|---|---|\n| no x | {holders} |\n");
        assert!(unheld(&table("`held`, `a_case`, `clippy.toml`"), &files).is_empty());
        assert_eq!(unheld(&table("`not_held`"), &files), ["not_held"]);
        assert_eq!(unheld(&table("good will"), &files).len(), 1);
        assert_eq!(unheld("no mark", &files).len(), 1);
    }

    #[test]
    fn settings_are_compared_both_ways() {
        let sections = "/// `[log]`: how.\npub struct Log {\n    /// It.\n    pub level: String,\n}\npub struct G {\n    pub x: u8,\n}\n";
        let readme = |key: &str| format!("<!-- settings -->\n| key | d |\n|---|---|\n| `{key}` | 1 |\n");
        assert!(unlisted_settings(sections, &readme("log.level")).is_empty());
        assert_eq!(unlisted_settings(sections, &readme("log.format")).len(), 2);
        assert_eq!(unlisted_settings("", &readme("log.level")).len(), 2);
    }
}
