//! The reference of all settings, in Markdown.

use std::fmt::Write as _;

use figment::value::Value;

use super::environment::{OLD_ADDRESSES, old_names};
use super::layers::Layers;
use super::print::toml;
use super::table::{SECTIONS, Setting, all};

impl Layers {
    /// What can be set, with the values of these layers as defaults. `program` is the name of this program.
    #[must_use]
    pub fn reference(&self, program: &str) -> String {
        let mut text = format!("# Settings of {program}\n\n{HEAD}");
        let ours: Vec<_> = self.sections().collect();
        for (section, about) in SECTIONS.iter().filter(|(name, _)| ours.contains(name)) {
            let settings = all().filter(|setting| setting.section == *section);
            let rows: String = settings.map(|setting| self.row(setting)).collect();
            // Writing to a text does not fail.
            let _ = write!(text, "\n## [{section}]\n\n{about}\n\n{TABLE}{rows}");
        }
        let old: String = OLD_ADDRESSES
            .iter()
            .map(|(name, means)| format!("| `{name}` | {means} |\n"))
            .collect();
        text + OLD + &old
    }

    fn row(&self, setting: &Setting) -> String {
        let key = setting.key();
        let default = match self.value(&key) {
            Some(Value::Empty(..)) | None => String::new(),
            Some(value) => format!("`{}`", toml(&value)),
        };
        let variables: Vec<_> = std::iter::once(setting.variable())
            .chain(old_names(&key).map(str::to_owned))
            .map(|name| format!("`{name}`"))
            .collect();
        let (name, kind, means) = (setting.name, setting.kind.name(), setting.means);
        format!(
            "| `{name}` | {kind} | {default} | {means} | {} |\n",
            variables.join(", ")
        )
    }
}

const HEAD: &str = "\
<!-- Made by `config reference`; do not edit. -->

Four layers, each over the one before: defaults, the TOML file of `--config`, the environment, flags. A setting that
does not exist is an error that names it, its layer, and what was probably meant. `config check` reads everything and
touches no network; `config print` shows what is in force and which layer said so.

Times are written like `50ms`, `30s` or `5m`, sizes like `32MiB`, lists in TOML's way. Every secret may be kept in a
file instead, named by the setting that ends in `_file`; a newline at the file's end does not count.
";

const TABLE: &str = "| key | type | default | means | environment |\n|---|---|---|---|---|\n";

const OLD: &str = "
## Other variables

The older names in the tables above go behind the new ones. These make an address:

| variable | means |
|---|---|
";
