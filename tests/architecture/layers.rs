//! Which crate may use which: judges a graph by the table of layers, and draws the table.

use crate::graph::{Graph, Kind, Use, matches};

/// A crate, its layer, and what it may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) folder: &'static str,
    pub(crate) layer: &'static str,
    may_use: &'static str,
}

/// A row of the table.
pub(crate) const fn row(folder: &'static str, layer: &'static str, may_use: &'static str) -> Row {
    Row {
        folder,
        layer,
        may_use,
    }
}

impl Row {
    pub(crate) fn package(&self) -> String {
        format!("llmgw-{}", self.folder)
    }

    /// Whether it belongs to the layers that know no outside world.
    pub(crate) fn is_inner(&self) -> bool {
        matches!(self.layer, "L0" | "L1" | "L2")
    }

    fn allows(&self, other: &Self, kind: Kind) -> bool {
        let named = self
            .may_use
            .split_whitespace()
            .any(|word| word == other.layer || matches(word, other.folder));
        // Tests of the outer layers may use every memory adapter, every contract and real servers.
        let for_tests = kind == Kind::Dev && !self.is_inner() && (other.is_inner() || other.layer == "test");
        named || for_tests
    }

    fn right_side(&self) -> &str {
        if self.may_use.is_empty() {
            "nothing of ours"
        } else {
            self.may_use
        }
    }
}

fn find<'a>(table: &'a [Row], package: &str) -> Option<&'a Row> {
    let folder = package.strip_prefix("llmgw-")?;
    table.iter().find(|row| row.folder == folder)
}

/// Every arrow between our packages that the table does not have, and every package it does not know.
pub(crate) fn broken_arrows(table: &[Row], graph: &Graph) -> Vec<String> {
    let mut broken = Vec::new();
    for (package, uses) in graph.ours() {
        let Some(row) = find(table, package) else {
            broken.push(format!("{package} is in no layer: give it a row"));
            continue;
        };
        for Use { package: other, kind } in uses {
            // What is no package of ours is judged elsewhere; a crate may test itself with its own features.
            let Some(other) = find(table, other).filter(|other| other.folder != row.folder) else {
                continue;
            };
            if !row.allows(other, *kind) {
                broken.push(format!(
                    "{} ({}) -> {} ({}), {kind:?} dependency: {} may use {}",
                    row.folder,
                    row.layer,
                    other.folder,
                    other.layer,
                    row.folder,
                    row.right_side()
                ));
            }
        }
    }
    broken
}

/// Every package of ours outside `layers` whose manifest names one of `words`.
pub(crate) fn direct_uses(table: &[Row], graph: &Graph, words: &str, layers: &[&str]) -> Vec<String> {
    let mut broken = Vec::new();
    for (package, uses) in graph.ours() {
        if find(table, package).is_some_and(|row| layers.contains(&row.layer)) {
            continue;
        }
        let found = uses
            .iter()
            .filter(|other| words.split_whitespace().any(|word| matches(word, &other.package)));
        broken.extend(found.map(|other| format!("{package} -> {}", other.package)));
    }
    broken
}

/// The table as `docs/ARCHITECTURE.md` shows it.
pub(crate) fn picture(table: &[Row]) -> String {
    let lines: Vec<String> = table
        .iter()
        .map(|row| format!("{:<4}  {:<13}  -> {}", row.layer, row.folder, row.right_side()))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: [Row; 7] = [
        row("types", "L0", ""),
        row("keys", "L1", "types"),
        row("models", "L1", "types"),
        row("store-x", "A", "L1 L0"),
        row("web-http", "H", "keys L0"),
        row("server", "bin", "*-http store-* L1 L0"),
        row("servers", "test", ""),
    ];

    #[track_caller]
    fn judged(edges: &[(&str, &str, Kind)], expected: &[&str]) {
        let broken = broken_arrows(&TABLE, &Graph::made_up(edges));
        assert_eq!(broken.len(), expected.len(), "{broken:?}");
        for (broken, expected) in broken.iter().zip(expected) {
            assert!(broken.contains(expected), "{broken}");
        }
    }

    #[test]
    fn arrows_of_the_table_pass() {
        judged(
            &[
                ("llmgw-keys", "llmgw-types", Kind::Normal),
                ("llmgw-store-x", "llmgw-models", Kind::Normal),
                ("llmgw-server", "llmgw-web-http", Kind::Normal),
                ("llmgw-server", "llmgw-store-x", Kind::Build),
                ("llmgw-keys", "serde", Kind::Normal),
                ("llmgw-keys", "llmgw-keys", Kind::Dev),
            ],
            &[],
        );
    }

    #[test]
    fn arrows_that_are_not_in_the_table_are_named() {
        judged(
            &[("llmgw-keys", "llmgw-models", Kind::Normal)],
            &["keys (L1) -> models (L1), Normal dependency"],
        );
        judged(
            &[("llmgw-types", "llmgw-keys", Kind::Build)],
            &["types may use nothing of ours"],
        );
        judged(
            &[("llmgw-web-http", "llmgw-store-x", Kind::Normal)],
            &["web-http (H) -> store-x (A)"],
        );
        judged(
            &[("llmgw-web-http", "llmgw-models", Kind::Normal)],
            &["web-http (H) -> models (L1)"],
        );
    }

    #[test]
    fn tests_of_outer_layers_may_use_inner_ones_and_servers() {
        judged(&[("llmgw-web-http", "llmgw-models", Kind::Dev)], &[]);
        judged(
            &[("llmgw-web-http", "llmgw-store-x", Kind::Dev)],
            &["Dev dependency"],
        );
        judged(&[("llmgw-keys", "llmgw-models", Kind::Dev)], &["Dev dependency"]);
        judged(&[("llmgw-store-x", "llmgw-servers", Kind::Dev)], &[]);
        judged(&[("llmgw-keys", "llmgw-servers", Kind::Dev)], &["Dev dependency"]);
    }

    #[test]
    fn a_package_without_a_layer_is_named() {
        judged(
            &[("llmgw-new", "llmgw-types", Kind::Normal)],
            &["llmgw-new is in no layer"],
        );
    }

    #[test]
    fn direct_uses_are_named_outside_the_layers_that_may() {
        let edges = [
            ("llmgw-keys", "clap", Kind::Dev),
            ("llmgw-server", "clap", Kind::Normal),
        ];
        assert_eq!(
            direct_uses(&TABLE, &Graph::made_up(&edges), "clap", &["bin"]),
            ["llmgw-keys -> clap"]
        );
    }
}
