//! The house's rules, held by tests: which crate may use which, what must never be where, how files are
//! named and how long they may be, and that the documents say what is so.
//!
//! [`LAYERS`] is the one source of the arrows; `docs/ARCHITECTURE.md` shows the same table. The rules look at
//! `cargo metadata` and at the text of the source tree, never at a running program.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a rule that cannot read the tree has failed"
)]

#[path = "architecture/documents.rs"]
mod documents;
#[path = "architecture/graph.rs"]
mod graph;
#[path = "architecture/layers.rs"]
mod layers;
#[path = "architecture/sources.rs"]
mod sources;

use graph::Graph;
use layers::{Row, row};

/// What every binary may use; only the portal's row adds to it.
const ALL_BUT_XML: &str = "boot stores *-http store-* journal-file upstream-awc secrets-seal L2 L1 L0";

/// One row per crate, those still to come included: folder, layer, what it may use. A word on the right is a
/// layer, a folder, or a folder with one `*`.
const LAYERS: [Row; 31] = [
    row("types", "L0", ""),
    row("keys", "L1", "types"),
    row("models", "L1", "types"),
    row("usage", "L1", "types"),
    row("sessions", "L1", "types"),
    row("audit", "L1", "types"),
    row("auth-saml", "L1", "sessions types"),
    row("proxy", "L2", "keys models usage types"),
    row("store-redis", "A", "L1 L0"),
    row("store-mongo", "A", "L1 L0"),
    row("store-sqlite", "A", "L1 L0"),
    row("journal-file", "A", "usage types"),
    row("upstream-awc", "A", "proxy models types"),
    row("secrets-seal", "A", "models types"),
    row("xmlsec-samael", "A", "auth-saml types"),
    row("pages", "V", ""),
    row("browser-http", "H", "sessions types"),
    row("gateway-http", "H", "proxy L1 L0"),
    row("portal-http", "H", "browser-http pages auth-saml L1 L0"),
    row("admin-http", "H", "browser-http pages L1 L0"),
    row("boot", "B", "L2 L1 L0"),
    row("stores", "B", "boot store-* secrets-seal L1 L0"),
    row("gateway", "bin", ALL_BUT_XML),
    row(
        "portal",
        "bin",
        "boot stores *-http store-* journal-file upstream-awc secrets-seal xmlsec-samael L2 L1 L0",
    ),
    row("admin", "bin", ALL_BUT_XML),
    row("standalone", "bin", ALL_BUT_XML),
    row("tests", "test", "B H A L2 L1 L0"),
    row("bench", "test", "servers"),
    row("servers", "test", ""),
    row("idp", "test", "auth-saml L0"),
    row("chaos", "test", "servers store-mongo store-redis L1 L0"),
];

/// What must not be found below the innermost layers, not even through another crate.
const OUTSIDE_WORLD: &str = "actix-* awc http http-body hyper* reqwest redis deadpool* mongodb rusqlite \
                             libsqlite3-sys sqlx* figment clap";

const STORES: &str = "llmgw-store-* rusqlite libsqlite3-sys sqlx* redis deadpool* mongodb";

/// Nothing that needs more than Rust and a C compiler to build.
const XML_AND_OPENSSL: &str =
    "llmgw-xmlsec-samael samael libxml* xmlsec* openssl openssl-sys openssl-src native-tls";

fn holds(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}\n  {}\n", broken.join("\n  "));
}

#[test]
fn every_arrow_is_allowed() {
    holds(
        "a crate uses another that its layer may not use (LAYERS in tests/architecture.rs):",
        &layers::broken_arrows(&LAYERS, &Graph::of_workspace()),
    );
}

#[test]
fn packages_are_named_after_their_folders() {
    holds(
        "a package is `llmgw-` and the name of its folder, which carries no prefix:",
        &Graph::of_workspace().misnamed(),
    );
}

#[test]
fn inner_layers_know_no_outside_world() {
    let graph = Graph::of_workspace();
    let broken: Vec<String> = LAYERS
        .iter()
        .filter(|row| row.is_inner())
        .flat_map(|row| graph.reached(&row.package(), OUTSIDE_WORLD))
        .collect();
    holds(
        "L0 to L2 know no web framework, database, settings or command line:",
        &broken,
    );
}

#[test]
fn http_crates_know_no_store() {
    let graph = Graph::of_workspace();
    let http = LAYERS.iter().filter(|row| row.layer == "H");
    let broken: Vec<String> = http
        .flat_map(|row| graph.reached(&row.package(), STORES))
        .collect();
    holds(
        "an *-http crate works with ports; only the binaries name a store:",
        &broken,
    );
}

#[test]
fn gateway_and_standalone_need_no_xml_and_no_openssl() {
    let graph = Graph::of_workspace();
    let broken: Vec<String> = ["llmgw-standalone", "llmgw-gateway", "llmgw-admin"]
        .iter()
        .flat_map(|package| graph.reached(package, XML_AND_OPENSSL))
        .collect();
    holds(
        "these build with Rust and a C compiler alone, and parse no XML:",
        &broken,
    );
}

#[test]
fn settings_and_command_lines_live_in_boot_and_binaries() {
    holds(
        "figment and clap stand in boot, the binaries and the test programs only:",
        &layers::direct_uses(
            &LAYERS,
            &Graph::of_workspace(),
            "figment clap",
            &["B", "bin", "test"],
        ),
    );
}

#[test]
fn no_gpl_rate_limiter() {
    let broken: Vec<String> = Graph::of_workspace().named("actix-governor");
    holds(
        "actix-governor is under the GPL; `governor` itself is not:",
        &broken,
    );
}

#[test]
fn no_file_is_too_long() {
    holds(
        "split a file before it has 400 lines without its tests:",
        &sources::too_long(&sources::all()),
    );
}

#[test]
fn lib_and_main_are_short() {
    holds(
        "lib.rs has 80 lines at most, main.rs 40:",
        &sources::long_roots(&sources::all()),
    );
}

#[test]
fn modules_are_named_after_what_they_are() {
    holds(
        "no mod.rs, and no name that says nothing:",
        &sources::bad_names(&sources::all()),
    );
}

#[test]
fn inner_layers_touch_no_machine() {
    let inner: Vec<&str> = LAYERS
        .iter()
        .filter(|row| row.is_inner())
        .map(|row| row.folder)
        .collect();
    holds(
        "L0 to L2 read no file, environment or network and start no thread, nor do they lift clippy's bans:",
        &sources::touches_machine(&sources::all(), &inner),
    );
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    holds(
        "a manifest has `[lints]` with `workspace = true`:",
        &Graph::of_workspace().without_lints(),
    );
}

#[test]
fn every_profile_unwinds() {
    let manifest = sources::read("Cargo.toml");
    holds(
        "a panic must unwind: the guard's drop settles the request",
        &sources::aborting(&manifest),
    );
}

#[test]
fn the_picture_of_the_arrows_is_current() {
    let document = sources::read("docs/ARCHITECTURE.md");
    let shown = documents::block_after(&document, "<!-- arrows -->").expect("a block behind <!-- arrows -->");
    let picture = layers::picture(&LAYERS);
    assert!(
        shown == picture,
        "docs/ARCHITECTURE.md shows another table than LAYERS, which is
{picture}"
    );
}

#[test]
fn every_invariant_names_what_holds_it() {
    holds(
        "docs/ARCHITECTURE.md names a test that is not there:",
        &documents::unheld(&sources::read("docs/ARCHITECTURE.md"), &sources::all()),
    );
}

#[test]
fn links_in_documents_resolve() {
    holds(
        "a relative link leads nowhere:",
        &documents::dead_links(&documents::all()),
    );
}

#[test]
fn paths_and_commands_in_documents_exist() {
    let makefile = sources::read("Makefile");
    holds(
        "a document names what is not there:",
        &documents::missing(&documents::all(), &makefile),
    );
}

#[test]
fn macros_in_documents_exist() {
    holds(
        "a document names a macro that is not there:",
        &documents::missing_macros(&documents::all(), &sources::all()),
    );
}

#[test]
fn the_guide_lists_every_setting() {
    let sections = sources::read("crates/boot/src/config/sections.rs");
    holds(
        "standalone.md and sections.rs have different settings:",
        &documents::unlisted_settings(&sections, &sources::read("docs/guides/standalone.md")),
    );
}
