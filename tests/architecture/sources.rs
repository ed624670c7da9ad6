//! Rules about the text of source files: names, lengths, and what the inner layers must not write.

use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file: its path from the workspace's root, and its text.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

const LONGEST_FILE: usize = 400;
const LONGEST_LIB: usize = 80;
const LONGEST_MAIN: usize = 40;
const EMPTY_WORDS: [&str; 8] = [
    "utils", "util", "common", "helpers", "helper", "manager", "managers", "imp",
];

/// What clippy.toml does not ban, because other layers need it.
const MACHINE: [&str; 7] = [
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "thread::spawn",
    "thread::Builder",
    // This one lifts the bans of clippy.toml.
    "clippy::disallowed_methods",
];

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests package lies in the root")
        .to_owned()
}

/// The text of a file, by its path from the root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust file of the workspace.
pub(crate) fn all() -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in ["crates", "bins", "tests"] {
        walk(&root().join(folder), "rs", &mut paths);
    }
    let rust: Vec<Source> = paths
        .into_iter()
        .map(|path| Source {
            text: read(&path),
            path,
        })
        .collect();
    assert!(
        rust.len() > 50,
        "the source tree was not found: {} files",
        rust.len()
    );
    rust
}

/// Adds the files below `folder` that end in `.extension`, by their paths from the root.
pub(crate) fn walk(folder: &Path, extension: &str, into: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !name.starts_with("target") && name != "node_modules" {
                walk(&path, extension, into);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            let from_root = path.strip_prefix(root()).unwrap_or(&path);
            into.push(from_root.to_string_lossy().into_owned());
        }
    }
}

/// Files that are too long. Files of tests may be longer.
pub(crate) fn too_long(files: &[Source]) -> Vec<String> {
    let product = files.iter().filter(|file| !is_test(&file.path));
    too_many_lines(product, LONGEST_FILE)
}

/// Roots of crates that do more than name their parts. Programs that only test are not looked at.
pub(crate) fn long_roots(files: &[Source]) -> Vec<String> {
    let named = |name: &'static str| {
        files
            .iter()
            .filter(move |file| file.path.ends_with(name) && !file.path.starts_with("tests/"))
    };
    let mut long = too_many_lines(named("src/lib.rs"), LONGEST_LIB);
    long.extend(too_many_lines(named("src/main.rs"), LONGEST_MAIN));
    long
}

fn too_many_lines<'a>(files: impl Iterator<Item = &'a Source>, most: usize) -> Vec<String> {
    let counted = files.map(|file| (file, without_tests(&file.text).count()));
    let long = counted.filter(|(_, lines)| *lines > most);
    long.map(|(file, lines)| format!("{} has {lines} lines, {most} are the most", file.path))
        .collect()
}

// `tests/bench` is a program; everything else below a `tests` folder is a test.
fn is_test(path: &str) -> bool {
    let path = path.strip_prefix("tests/bench/").unwrap_or(path);
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// The lines of a file that do not belong to a module of tests.
fn without_tests(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let line = lines.next()?;
        if line.starts_with("#[cfg(") && line.contains("test") {
            let opens = lines.clone().find(|line| !line.starts_with("#["));
            if opens.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{')) {
                lines.by_ref().find(|line| *line == "}");
                return lines.next();
            }
        }
        Some(line)
    })
}

/// Modules whose names say nothing, and `mod.rs`.
pub(crate) fn bad_names(files: &[Source]) -> Vec<String> {
    let mut bad = Vec::new();
    for file in files {
        let mut parts = file.path.split('/').map(|part| part.trim_end_matches(".rs"));
        let http = file.path.split('/').any(|part| part.ends_with("-http"));
        let empty = |part: &str| {
            EMPTY_WORDS.contains(&part) || part == "mod" || (!http && matches!(part, "handler" | "handlers"))
        };
        let inline = file.text.lines().filter_map(|line| {
            let line = line
                .trim_start()
                .trim_start_matches("pub ")
                .trim_start_matches("pub(crate) ");
            line.strip_prefix("mod ")?.split([' ', ';', '{']).next()
        });
        if parts.any(empty) || inline.into_iter().any(empty) {
            bad.push(file.path.clone());
        }
    }
    bad
}

/// Lines of the crates in `folders` that reach for the machine, outside of tests and comments.
pub(crate) fn touches_machine(files: &[Source], folders: &[&str]) -> Vec<String> {
    let mut touches = Vec::new();
    for file in files.iter().filter(|file| !is_test(&file.path)) {
        let Some(inside) = file.path.strip_prefix("crates/") else {
            continue;
        };
        if !folders
            .iter()
            .any(|folder| inside.starts_with(&format!("{folder}/src/")))
        {
            continue;
        }
        let code = without_tests(&file.text).filter(|line| !line.trim_start().starts_with("//"));
        let found = code.filter(|line| MACHINE.iter().any(|word| line.contains(word)));
        touches.extend(found.map(|line| format!("{}: {}", file.path, line.trim())));
    }
    touches
}

/// Profiles of the workspace's manifest that abort on panic; where none says `unwind`, that.
pub(crate) fn aborting(manifest: &str) -> Vec<String> {
    let (mut profile, mut unwinds, mut bad) = (None, false, Vec::new());
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            profile = line.starts_with("[profile.").then_some(line);
        } else if let (Some(profile), Some(rest)) = (profile, line.strip_prefix("panic")) {
            let unwind = rest.trim_start_matches([' ', '=']) == "\"unwind\"";
            unwinds |= unwind;
            if !unwind {
                bad.push(format!("{profile} {line}"));
            }
        }
    }
    if !unwinds {
        bad.push("no profile says panic = \"unwind\"".to_owned());
    }
    bad
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Vec<Source> {
        vec![Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }]
    }

    #[test]
    fn tests_do_not_make_a_file_long() {
        let code = "fn f() {}\n".repeat(400);
        let tests = format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n",
            "    fn t() {}\n".repeat(500)
        );
        assert!(too_long(&file("crates/a/src/b.rs", &format!("{code}{tests}"))).is_empty());
        assert!(too_long(&file("crates/a/src/b.rs", &format!("{code}{tests}fn g() {{}}\n"))).len() == 1);
        assert!(too_long(&file("crates/a/src/b.rs", &format!("{tests}{code}fn g() {{}}\n"))).len() == 1);
        assert!(too_long(&file("tests/bench/src/b.rs", &format!("{code}fn g() {{}}\n"))).len() == 1);
        assert!(too_long(&file("crates/a/src/b/tests.rs", &format!("{code}fn g() {{}}\n"))).is_empty());
    }

    #[test]
    fn roots_are_measured() {
        for (path, most) in [("crates/a/src/lib.rs", 80), ("bins/a/src/main.rs", 40)] {
            assert!(long_roots(&file(path, &"\n".repeat(most))).is_empty(), "{path}");
            assert_eq!(long_roots(&file(path, &"\n".repeat(most + 1))).len(), 1, "{path}");
        }
    }

    #[test]
    fn empty_names_are_found() {
        let bad = [
            "a/src/utils.rs",
            "a/src/common/x.rs",
            "a/src/x/mod.rs",
            "a/src/imp.rs",
            "a/src/handler.rs",
        ];
        for path in bad {
            assert_eq!(bad_names(&file(path, "")), [path]);
        }
        for path in ["a/src/keys.rs", "a-http/src/handler.rs", "a/src/simple.rs"] {
            assert!(
                bad_names(&file(path, "mod store;\npub mod model {\n")).is_empty(),
                "{path}"
            );
        }
        assert_eq!(
            bad_names(&file("a/src/lib.rs", "pub(crate) mod helpers;\n")).len(),
            1
        );
    }

    #[test]
    fn the_machine_is_seen_in_inner_code_only() {
        let code = "use std::fs;\n";
        assert_eq!(touches_machine(&file("crates/a/src/b.rs", code), &["a"]).len(), 1);
        assert_eq!(
            touches_machine(
                &file("crates/a/src/b.rs", "#[expect(clippy::disallowed_methods)]"),
                &["a"]
            )
            .len(),
            1
        );
        assert!(touches_machine(&file("crates/b/src/b.rs", code), &["a"]).is_empty());
        assert!(touches_machine(&file("crates/a/src/b.rs", "// std::fs\n"), &["a"]).is_empty());
        assert!(touches_machine(&file("crates/a/tests/b.rs", code), &["a"]).is_empty());
    }

    #[test]
    fn a_profile_that_aborts_is_found() {
        assert!(aborting("[lints]\npanic = \"warn\"\n[profile.dev]\npanic = \"unwind\"\n").is_empty());
        assert_eq!(
            aborting("[profile.dev]\npanic = \"unwind\"\n[profile.x]\npanic = \"abort\"\n").len(),
            1
        );
        assert_eq!(aborting("[profile.dev]\n").len(), 1);
    }
}
