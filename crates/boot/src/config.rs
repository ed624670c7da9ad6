//! Settings. The binaries put together the sections they need. Layers, low to high: defaults, a TOML file, the
//! environment (`LLMGW_SECTION__FIELD`), flags. What each setting means stands in one table, which the errors,
//! `config print` and the reference are made from.

mod environment;
mod layers;
mod network;
mod portal;
mod print;
mod reference;
mod secret;
mod sections;
mod stores;
mod table;
mod unknown;
mod values;

pub use layers::{ConfigError, Layers};
pub use network::{Network, proxies};
pub use portal::{PortalLogin, PortalSection, SamlAttributes, SamlGroup, SamlKey, SamlRule, SamlSection};
pub use secret::Fault;
pub use sections::{
    AdminSection, GatewaySection, GroupSection, JournalSection, JournalWhenFull, LimitsSection,
    LimitsWhenUnavailable, LogFormat, LogSection, ReportsSection, SecretsSection, UpstreamSection,
};
pub use stores::{KeysSection, MongoSection, RedisSection, StoreKind, StoreSection};
pub use values::{Address, Keep, Size, Span, StoreUrl, Text, Zone};
