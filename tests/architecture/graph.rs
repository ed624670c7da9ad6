//! The packages of this workspace and everything they are built from, as `cargo metadata` tells it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::Command;

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

use crate::sources;

/// When a dependency is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

/// A dependency as a manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) package: String,
    pub(crate) kind: Kind,
}

/// Packages by name; several versions of one are taken together.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// Our packages, with what their manifests name.
    ours: BTreeMap<String, BTreeSet<Use>>,
    /// All packages, with what they are built from (tests not among it).
    built_from: BTreeMap<String, BTreeSet<String>>,
    /// Our packages' manifests.
    manifests: BTreeMap<String, String>,
}

/// Whether `word`, which may hold one `*`, stands for `name`.
pub(crate) fn matches(word: &str, name: &str) -> bool {
    match word.split_once('*') {
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
        None => word == name,
    }
}

impl Graph {
    /// This workspace, for this machine's platform: other platforms' crates need not be downloaded.
    pub(crate) fn of_workspace() -> Self {
        let metadata = MetadataCommand::new()
            .manifest_path(sources::root().join("Cargo.toml"))
            .features(CargoOpt::AllFeatures)
            .other_options(["--locked".to_owned(), "--filter-platform".to_owned(), platform()])
            .exec()
            .expect("cargo metadata");
        Self::of(&metadata)
    }

    fn of(metadata: &Metadata) -> Self {
        let mut graph = Self::default();
        for package in metadata.workspace_packages() {
            let uses = package.dependencies.iter().filter_map(|dependency| {
                let kind = match dependency.kind {
                    DependencyKind::Normal => Kind::Normal,
                    DependencyKind::Build => Kind::Build,
                    DependencyKind::Development => Kind::Dev,
                    _ => return None,
                };
                Some(Use {
                    package: dependency.name.clone(),
                    kind,
                })
            });
            graph.ours.insert(package.name.to_string(), uses.collect());
            graph
                .manifests
                .insert(package.name.to_string(), package.manifest_path.to_string());
        }
        let resolve = metadata.resolve.as_ref().expect("a resolved graph");
        for node in &resolve.nodes {
            let built = node.deps.iter().filter(|dependency| {
                dependency
                    .dep_kinds
                    .iter()
                    .any(|kind| kind.kind != DependencyKind::Development)
            });
            let names = built.map(|dependency| metadata[&dependency.pkg].name.to_string());
            graph
                .built_from
                .entry(metadata[&node.id].name.to_string())
                .or_default()
                .extend(names);
        }
        graph
    }

    /// A graph for tests of the judges: (package, what it uses, how). What begins with `llmgw-` is ours.
    #[cfg(test)]
    pub(crate) fn made_up(edges: &[(&str, &str, Kind)]) -> Self {
        let mut graph = Self::default();
        for (from, to, kind) in edges {
            if from.starts_with("llmgw-") {
                let package = (*to).to_owned();
                graph
                    .ours
                    .entry((*from).to_owned())
                    .or_default()
                    .insert(Use { package, kind: *kind });
            }
            if *kind != Kind::Dev {
                graph
                    .built_from
                    .entry((*from).to_owned())
                    .or_default()
                    .insert((*to).to_owned());
            }
        }
        graph
    }

    /// Our packages and what their manifests name.
    pub(crate) fn ours(&self) -> impl Iterator<Item = (&str, &BTreeSet<Use>)> {
        self.ours.iter().map(|(package, uses)| (package.as_str(), uses))
    }

    /// Every way from `package` to a crate that one of `words` stands for, the shortest for each.
    pub(crate) fn reached(&self, package: &str, words: &str) -> Vec<String> {
        let mut ways: BTreeMap<&str, String> = BTreeMap::from([(package, package.to_owned())]);
        let mut next = VecDeque::from([package]);
        let mut broken = Vec::new();
        while let Some(at) = next.pop_front() {
            let way = ways.get(at).cloned().unwrap_or_default();
            for to in self.built_from.get(at).into_iter().flatten() {
                if ways.contains_key(to.as_str()) {
                    continue;
                }
                let longer = format!("{way} -> {to}");
                if words.split_whitespace().any(|word| matches(word, to)) {
                    broken.push(longer.clone());
                }
                ways.insert(to, longer);
                next.push_back(to);
            }
        }
        broken
    }

    /// The packages of this name, ours or not.
    pub(crate) fn named(&self, name: &str) -> Vec<String> {
        self.built_from
            .keys()
            .filter(|package| *package == name)
            .cloned()
            .collect()
    }

    /// Our packages whose name is not `llmgw-<folder>`.
    pub(crate) fn misnamed(&self) -> Vec<String> {
        let wrong = self.manifests.iter().filter(|(package, manifest)| {
            let folder = manifest.rsplit('/').nth(1).unwrap_or_default();
            **package != format!("llmgw-{folder}")
        });
        wrong
            .map(|(package, manifest)| format!("{package} in {manifest}"))
            .collect()
    }

    /// Our packages that do not take the workspace's lints.
    pub(crate) fn without_lints(&self) -> Vec<String> {
        let bare = self
            .manifests
            .iter()
            .filter(|(_, manifest)| !takes_lints(&sources::read(manifest)));
        bare.map(|(package, _)| package.clone()).collect()
    }
}

fn takes_lints(manifest: &str) -> bool {
    let mut lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    lines.find(|line| !line.is_empty()) == Some("workspace = true")
}

fn platform() -> String {
    let version = Command::new(env!("CARGO"))
        .arg("-vV")
        .output()
        .expect("cargo -vV");
    let text = String::from_utf8_lossy(&version.stdout).into_owned();
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("cargo names its host")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("store-*", "store-x") && matches("*-http", "web-http") && matches("a", "a"));
        assert!(!matches("store-*", "store") && !matches("*-http", "httpd") && !matches("a", "ab"));
    }

    #[test]
    fn what_is_reached_through_others_is_found_with_its_way() {
        let graph = Graph::made_up(&[
            ("llmgw-a", "b", Kind::Normal),
            ("b", "c", Kind::Build),
            ("c", "openssl-sys", Kind::Normal),
            ("c", "b", Kind::Normal),
        ]);
        assert_eq!(
            graph.reached("llmgw-a", "openssl-sys curl"),
            ["llmgw-a -> b -> c -> openssl-sys"]
        );
        assert_eq!(
            graph.reached("llmgw-a", "openssl*"),
            ["llmgw-a -> b -> c -> openssl-sys"]
        );
        assert!(graph.reached("c", "curl").is_empty() && graph.reached("not-yet-there", "curl").is_empty());
    }

    #[test]
    fn what_only_tests_use_is_not_built_in() {
        let graph = Graph::made_up(&[("llmgw-a", "openssl", Kind::Dev)]);
        assert!(graph.reached("llmgw-a", "openssl").is_empty());
    }

    #[test]
    fn a_package_is_found_by_name() {
        let graph = Graph::made_up(&[("actix-governor", "x", Kind::Normal)]);
        assert_eq!(graph.named("actix-governor"), ["actix-governor"]);
        assert!(graph.named("governor").is_empty());
    }

    #[test]
    fn folders_and_names_are_compared() {
        let mut graph = Graph::default();
        graph
            .manifests
            .insert("llmgw-keys".to_owned(), "/x/crates/keys/Cargo.toml".to_owned());
        assert!(graph.misnamed().is_empty());
        graph.manifests.insert(
            "llmgw-keys".to_owned(),
            "/x/crates/llmgw-keys/Cargo.toml".to_owned(),
        );
        assert_eq!(graph.misnamed().len(), 1);
    }

    #[test]
    fn lints_are_taken_or_not() {
        assert!(takes_lints("[package]\n\n[lints]\nworkspace = true\n"));
        assert!(
            !takes_lints("[package]\nworkspace = true\n") && !takes_lints("[lints]\nworkspace = false\n")
        );
    }
}
