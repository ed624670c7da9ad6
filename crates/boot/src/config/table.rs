//! Every setting: where it stands, how its value is written, and what it means.

mod people;
mod settings;

use Kind::{
    Address, Count, File, Flag, Folder, Groups, Keep, Keys, Limits, Names, Networks, OneOf, Places,
    RuledGroups, Rules, Secret, Size, Socket, Span, StoreUrl, StoreUrls, Text, Texts, Zone,
};

pub(super) use settings::SECTIONS;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Address,
    Count,
    File,
    Flag,
    Folder,
    Groups,
    Keep,
    Keys,
    Limits,
    Names,
    Networks,
    OneOf(&'static [&'static str]),
    Places,
    RuledGroups,
    Rules,
    Secret,
    Size,
    Socket,
    Span,
    StoreUrl,
    StoreUrls,
    Text,
    Texts,
    Zone,
}

impl Kind {
    /// What to write, with an example; fits after "write".
    pub(super) fn words(self) -> String {
        let words = match self {
            Address => "an address like `http://10.0.0.5:8000`, without user or password",
            Count => "a whole number like `100`",
            File => "the path of a file",
            Flag => "`true` or `false`",
            Folder => "the path of a folder",
            Keys => {
                "a list like `[{ key_file = \"sp.key\", cert_file = \"sp.crt\" }]`, the present key first"
            }
            Names => "names of attributes like `{ id = \"eduPersonPrincipalName\", mail = \"mail\" }`",
            Rules => {
                "a list like `[{ attribute = \"affiliation\", any = [\"staff\"] }]`; `any = [\"*\"]`: whoever has it"
            }
            RuledGroups => {
                "a list like `[{ group = \"gpu\", attribute = \"entitlement\", any = [\"urn:x\"] }]`"
            }
            Texts => "a list of texts in quotes",
            Groups => "a list like `[{ group = \"staff\", each = [...], shared = [...] }]`",
            Keep => "`forever`, or days like `400d` (one at least)",
            Limits => {
                "a list like `[{ unit = \"tokens\", window = \"day\", amount = 200000 }]`; units are requests, \
                 tokens, cost, in_flight (without a window); windows are minute, hour, day, month"
            }
            Places => "a list of host names and networks like `[\"*.gpu.example.org\", \"10.0.0.0/8\"]`",
            Networks => "a list of networks like `[\"10.0.0.0/8\", \"fd00::/8\"]`",
            OneOf(all) => return format!("one of {}", quoted(all)),
            Secret | Text => "a text in quotes",
            Size => "a size like `32MiB`",
            Socket => "an IP address and a port like `127.0.0.1:8080`",
            Span => "a time like `50ms`, `30s` or `5m`",
            StoreUrl => "an address in quotes",
            StoreUrls => "a list of addresses in quotes",
            Zone => "a time zone like `Europe/Berlin` or `UTC`",
        };
        words.to_owned()
    }

    /// The name of the kind in the reference.
    pub(super) fn name(self) -> String {
        let name = match self {
            Address | StoreUrl => "address",
            Count => "number",
            File => "file",
            Flag => "`true` or `false`",
            Folder => "folder",
            Groups => "list of groups",
            Keys => "list of keys",
            Names => "names of attributes",
            RuledGroups => "list of groups and rules",
            Rules => "list of rules",
            Texts => "list of texts",
            Keep => "days",
            Limits => "list of limits",
            Networks => "list of networks",
            Places => "list of host names and networks",
            OneOf(all) => return quoted(all),
            Secret => "secret",
            Size => "size",
            Socket => "IP address and port",
            Span => "time",
            StoreUrls => "list of addresses",
            Text => "text",
            Zone => "time zone",
        };
        name.to_owned()
    }

    /// Whether a variable's value is taken as it is, also where it looks like a number or a list: `0012` is a
    /// secret of four characters. Empty is then not set.
    pub(super) const fn is_text(self) -> bool {
        matches!(
            self,
            Address
                | File
                | Folder
                | Keep
                | OneOf(_)
                | Secret
                | Size
                | Socket
                | Span
                | StoreUrl
                | Text
                | Zone
        )
    }

    /// Whether the value, or a part of it, must not be shown.
    pub(super) const fn is_secret(self) -> bool {
        matches!(self, Secret | StoreUrl | StoreUrls)
    }
}

fn quoted(all: &[&str]) -> String {
    let all: Vec<_> = all.iter().map(|one| format!("`{one}`")).collect();
    all.join(", ")
}

/// One setting.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) means: &'static str,
}

impl Setting {
    /// Its whole name, `section.name`.
    pub(super) fn key(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("LLMGW_{}__{}", self.section, self.name).to_ascii_uppercase()
    }
}

/// All settings, those of a section in the order of the reference.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    settings::SETTINGS.iter().chain(&people::SETTINGS)
}

/// The setting with this name.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.section == section && setting.name == name)
}
