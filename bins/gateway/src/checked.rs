//! Settings that make sense: what can be found out without touching the network.

use std::path::Path;
use std::time::Duration;

use llmgw_boot::config::{Fault, StoreKind};
use llmgw_boot::{Failure, OsEntropy};
use llmgw_keys::Pepper;
use llmgw_store_mongo::{MongoStore, StartError};
use llmgw_store_redis::{OptionsError, RedisStore};
use llmgw_types::{ExposeSecret, SecretString, random};
use llmgw_usage::admission::Calendar;

use crate::settings::{Loaded, Settings};

/// How long a call on a key, user or model may take: a request waits for it.
const MONGO_CALL: Duration = Duration::from_secs(2);

/// Where what lasts is.
#[derive(Debug)]
pub(crate) enum Lasting {
    /// In MongoDB, which was not yet asked anything.
    Mongo(MongoStore),
    /// In this SQLite file, which was not yet opened.
    Sqlite(llmgw_store_sqlite::Options, std::path::PathBuf),
}

/// What the settings come to.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The newest first.
    pub(crate) peppers: Vec<Pepper>,
    /// The default upstream secret.
    pub(crate) upstream: Option<SecretString>,
    pub(crate) lasting: Lasting,
    /// Not yet asked anything.
    pub(crate) redis: RedisStore,
    /// Of limits.
    pub(crate) calendar: Calendar,
}

impl Checked {
    /// Looks at everything; names the first fault and the layer it came from.
    pub(crate) fn check(loaded: &Loaded) -> Result<Self, Failure> {
        Self::of(&loaded.settings).map_err(|fault| loaded.layers.blame(&fault).into())
    }

    fn of(settings: &Settings) -> Result<Self, Fault> {
        check_gateway(settings)?;
        check_folders(settings)?;
        Ok(Self {
            peppers: peppers(settings)?,
            upstream: settings.upstream.secret()?,
            lasting: lasting(settings)?,
            redis: redis(settings)?,
            calendar: Calendar::named(&settings.limits.timezone.0)
                .map_err(|error| Fault::new("limits.timezone", error.to_string()))?,
        })
    }
}

fn check_gateway(settings: &Settings) -> Result<(), Fault> {
    let gateway = &settings.gateway;
    if gateway.listen == gateway.health_listen && gateway.listen.port() != 0 {
        let what = format!(
            "{} is gateway.listen as well; choose another port",
            gateway.listen
        );
        return Err(Fault::new("gateway.health_listen", what));
    }
    if gateway.max_in_flight == 0 {
        let what = "no request could run; set it to 1 or more";
        return Err(Fault::new("gateway.max_in_flight", what));
    }
    if gateway.max_body.0 > gateway.max_buffered.0 {
        let what = "the longest body would not fit into gateway.max_buffered; make this less, or that more";
        return Err(Fault::new("gateway.max_body", what));
    }
    Ok(())
}

// The journal's is made where it is missing; secrets are there or forgotten.
fn check_folders(settings: &Settings) -> Result<(), Fault> {
    let journal = settings.journal_dir();
    if journal.exists() && !journal.is_dir() {
        let what = format!("{} is not a folder; name one", journal.display());
        return Err(Fault::new("journal.dir", what));
    }
    match &settings.secrets.dir {
        Some(dir) if !dir.is_dir() => {
            let what = format!("there is no folder {}; make it, or leave this out", dir.display());
            Err(Fault::new("secrets.dir", what))
        }
        _ => Ok(()),
    }
}

fn peppers(settings: &Settings) -> Result<Vec<Pepper>, Fault> {
    let key = match settings.keys.pepper {
        Some(_) => "keys.pepper",
        None => "keys.pepper_file",
    };
    let text = settings.keys.peppers()?;
    Pepper::parse_file(text.expose_secret()).map_err(|error| {
        let what = format!("{error}; make one with `head -c 33 /dev/urandom | base64`");
        Fault::new(key, what)
    })
}

fn lasting(settings: &Settings) -> Result<Lasting, Fault> {
    let reports_timezone = jiff::tz::TimeZone::get(&settings.reports.timezone.0)
        .map_err(|error| Fault::new("reports.timezone", error.to_string()))?;
    match (settings.store.kind, &settings.store.path) {
        (StoreKind::Mongo, _) => mongo(settings, reports_timezone).map(Lasting::Mongo),
        (StoreKind::Sqlite, Some(path)) => {
            let options = llmgw_store_sqlite::Options {
                reports_timezone,
                ..llmgw_store_sqlite::Options::default()
            };
            Ok(Lasting::Sqlite(options, path.clone()))
        }
        (StoreKind::Sqlite, None) => {
            let what = "sqlite needs a file; set store.path to its path";
            Err(Fault::new("store.kind", what))
        }
    }
}

fn mongo(settings: &Settings, reports_timezone: jiff::tz::TimeZone) -> Result<MongoStore, Fault> {
    let mongo = &settings.mongo;
    if let Some(file) = &mongo.tls_ca_file {
        check_readable("mongo.tls_ca_file", file)?;
    }
    let options = llmgw_store_mongo::Options {
        user: mongo.user.clone(),
        password: mongo.secret()?,
        tls_ca_file: mongo.tls_ca_file.clone(),
        retention: mongo.retention.0,
        reports_timezone,
        // Replicas that take different ones never wait for each other.
        slot: random::<1>(&OsEntropy)[0],
        call_timeout: MONGO_CALL,
        ..llmgw_store_mongo::Options::new(mongo.address()?, &mongo.database)
    };
    MongoStore::open(&options).map_err(|error| match error {
        StartError::NoUser => {
            let name = key_or_file("mongo.password", mongo.password_file.is_some());
            Fault::new(name, "there is no user; set mongo.user as well")
        }
        other => Fault::new(
            key_or_file("mongo.url", mongo.url_file.is_some()),
            other.to_string(),
        ),
    })
}

fn redis(settings: &Settings) -> Result<RedisStore, Fault> {
    let redis = &settings.redis;
    if redis.connections == 0 {
        return Err(Fault::new(
            "redis.connections",
            "none could be used; set it to 1 or more",
        ));
    }
    let cluster = redis.cluster.iter().map(|url| SecretString::from(&*url.0));
    let options = llmgw_store_redis::Options {
        url: redis.address()?,
        username: redis.username.clone(),
        password: redis.secret()?,
        cluster: cluster.collect(),
        ca: redis.authority()?,
        connections: redis.connections,
        prefix: redis.prefix.clone(),
        call_timeout: redis.call_timeout.0,
        ..llmgw_store_redis::Options::default()
    };
    RedisStore::open(&options).map_err(|error| match error {
        OptionsError::Ca | OptionsError::CaWithoutTls => Fault::new("redis.ca_file", error.to_string()),
        other => Fault::new(
            key_or_file("redis.url", redis.url_file.is_some()),
            format!("{other}; write an address like that one"),
        ),
    })
}

fn key_or_file(key: &str, in_file: bool) -> String {
    let ending = if in_file { "_file" } else { "" };
    format!("{key}{ending}")
}

fn check_readable(key: &str, file: &Path) -> Result<(), Fault> {
    match std::fs::read(file) {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::new(
            key,
            format!(
                "cannot read {}: {error}; make the file readable for this user, or name another",
                file.display()
            ),
        )),
    }
}
