//! The environment: `LLMGW_SECTION__FIELD`, and the names that the system before this one used.

use std::collections::BTreeMap;

use figment::util::nest;
use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};
use llmgw_models::SecretRef;

use super::table::{self, Kind};

/// Older names of settings. Of two names of one setting the new one counts.
const OLD_NAMES: [(&str, &str); 5] = [
    ("LLM_DEFAULT_URL", "upstream.default_url"),
    ("INFERENCE_KEY", "upstream.default_key"),
    ("ADMIN_KEY", "admin.key"),
    ("MONGOUSER", "mongo.user"),
    ("MONGOPASSWORD", "mongo.password"),
];

/// What older names mean that are no setting by themselves, for the reference.
pub(super) const OLD_ADDRESSES: [(&str, &str); 3] = [
    (
        "MONGOHOST",
        "`mongo.url`: one `host` or `host:port` is connected to directly, under that name, whatever the replica \
         set calls it; several with commas are the members of a replica set `rs0`",
    ),
    ("REDISHOST", "`redis.url`: `host` or `host:port`"),
    ("REDISPORT", "the port of `REDISHOST`, 6379 unless set"),
];

/// A variable that sets something.
pub(super) struct Variable {
    pub(super) name: String,
    /// The setting, or what somebody took for one.
    pub(super) key: String,
    value: Value,
}

impl Variable {
    fn text(name: &str, key: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            key: key.to_owned(),
            value: Value::from(value),
        }
    }
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("environment variable {}", self.name))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let nested = nest(&self.key, self.value.clone());
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

/// The old names of a setting.
pub(super) fn old_names(key: &str) -> impl Iterator<Item = &'static str> {
    OLD_NAMES
        .into_iter()
        .filter(move |(_, old)| *old == key)
        .map(|(name, _)| name)
}

/// Every variable of this process that sets something, low to high.
pub(super) fn variables() -> Vec<Variable> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where settings come from the environment"
    )]
    let all: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let set = |name: &str| {
        all.get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    };
    let old = OLD_NAMES
        .iter()
        .filter_map(|(name, key)| Some(Variable::text(name, key, set(name)?)));
    let mongo = set("MONGOHOST").map(|hosts| Variable::text("MONGOHOST", "mongo.url", &mongo_url(hosts)));
    let redis = redis_url(set("REDISHOST"), set("REDISPORT"));
    let new = all.iter().filter_map(|(name, value)| new_name(name, value));
    old.chain(mongo).chain(redis).chain(new).collect()
}

// A variable without `__` is no setting, and those that targets name hold their secrets.
fn new_name(name: &str, value: &str) -> Option<Variable> {
    let upper = name.to_ascii_uppercase();
    let rest = upper.strip_prefix("LLMGW_")?;
    if !rest.contains("__") || SecretRef::is_variable(&upper) {
        return None;
    }
    let key = rest.to_ascii_lowercase().replace("__", ".");
    let kind = key
        .split_once('.')
        .and_then(|(section, name)| table::find(section, name))
        .map(|setting| setting.kind);
    match kind {
        Some(kind) if kind.is_text() && value.is_empty() => None,
        Some(kind) if kind.is_text() => Some(Variable::text(name, &key, value)),
        kind => Some(Variable {
            name: name.to_owned(),
            key,
            value: listed(kind, value),
        }),
    }
}

// One address or network needs no brackets, nor do several with commas.
fn listed(kind: Option<Kind>, value: &str) -> Value {
    let is_list = matches!(kind, Some(Kind::Networks | Kind::Places | Kind::StoreUrls));
    if !is_list || value.trim_start().starts_with('[') {
        // Whatever it is, it is some value.
        return value.parse().unwrap_or_else(|never| match never {});
    }
    let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
    Value::from(parts.map(Value::from).collect::<Vec<_>>())
}

// A replica set of one node often knows itself by a name that only its own machine can resolve; the driver would
// go there. Connected directly it stays at the name it was given, transactions included. Several nodes must be
// asked which is the primary.
fn mongo_url(hosts: &str) -> String {
    let hosts = hosts.trim();
    if hosts.contains("://") {
        hosts.to_owned()
    } else if hosts.contains(',') {
        format!("mongodb://{hosts}/?replicaSet=rs0")
    } else {
        format!("mongodb://{hosts}/?directConnection=true")
    }
}

fn redis_url(host: Option<&str>, port: Option<&str>) -> Option<Variable> {
    let (name, host) = match (host, port) {
        (Some(host), None) => ("REDISHOST", host.to_owned()),
        (Some(host), Some(port)) if !host.contains(':') => ("REDISHOST", format!("{host}:{port}")),
        (Some(host), Some(_)) => ("REDISHOST", host.to_owned()),
        (None, Some(port)) => ("REDISPORT", format!("127.0.0.1:{port}")),
        (None, None) => return None,
    };
    let url = match host.contains("://") {
        true => host,
        false => format!("redis://{}/0", host.trim()),
    };
    Some(Variable::text(name, "redis.url", &url))
}
