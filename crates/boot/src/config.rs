//! Settings. One file per section; the binaries put together the sections they need. Layers, low to high:
//! defaults, a TOML file, the environment (`LLMGW_SECTION__FIELD`), flags.

mod layers;
mod sections;
mod values;

pub use layers::{ConfigError, Layers};
pub use sections::{
    AdminSection, GatewaySection, GroupSection, JournalSection, JournalWhenFull, LimitsSection, LogFormat,
    LogSection, ReportsSection, SecretsSection, UpstreamSection,
};
pub use values::{Address, Size, Span, Text, Zone};
