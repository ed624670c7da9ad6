//! Everything that runs: real stores behind proxies, a model server, three gateways, and keys to use them.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use llmgw_keys::{KeyService, NewKey, Pepper, UserStore};
use llmgw_models::{Model, ModelService, SecretRef, Target};
use llmgw_servers::{Mongod, Redis};
use llmgw_store_mongo::{MongoStore, Options};
use llmgw_store_redis::{RedisFeed, RedisStore};
use llmgw_types::{
    Change, ChangeFeed, Entropy, GroupName, KeyId, Limit, ModelId, SecretString, TargetId, Timestamp, Unit,
    Window,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::Failure;
use crate::gateways::Gateway;
use crate::proxy::Proxy;
use crate::upstream::Upstream;

const PEPPER: &str = "thirty-two bytes or more of pepper for chaos\n";
pub(crate) const GATEWAYS: usize = 3;

/// Longest time until all gateways hold limits together.
const SHARED_AGAIN: Duration = Duration::from_secs(30);

/// Refuses nobody, and counts everybody.
const EVERYONE: &str = r#"[{ unit = "requests", window = "day", amount = 1000000000 }]"#;
const GROUPS: &str =
    r#"[{ group = "race", shared = [{ unit = "requests", window = "day", amount = 1000000000 }] }]"#;

/// When everything was made.
pub(crate) const LONG_AGO: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Requests that one key may run at once: more than there are clients.
const MOST_AT_ONCE: u64 = 500;

/// A key and what its limits must say in the end.
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) text: String,
}

pub(crate) struct World {
    pub(crate) gateways: Vec<Arc<Gateway>>,
    pub(crate) keys: Vec<Key>,
    pub(crate) upstream: Upstream,
    pub(crate) store: MongoStore,
    pub(crate) redis_way: Proxy,
    pub(crate) mongo_way: Proxy,
    pub(crate) redis: Redis,
    pub(crate) mongod: Mongod,
    service: KeyService,
    // Last: what runs in it ends before.
    folder: TempDir,
}

struct Urandom;

impl Entropy for Urandom {
    fn fill(&self, bytes: &mut [u8]) {
        let read = fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(bytes));
        assert!(read.is_ok(), "/dev/urandom cannot be read");
    }
}

impl World {
    pub(crate) async fn start(binary: &Path) -> Result<Self, Failure> {
        let (mongod, redis) = tokio::task::spawn_blocking(|| (Mongod::start(), Redis::start())).await?;
        let folder = tempfile::Builder::new().prefix("llmgw-chaos-").tempdir()?;
        let upstream = Upstream::start().await?;
        let store = MongoStore::connect(&Options::new(SecretString::from(mongod.url()), "llmgw")).await?;
        let service = seed(&store, &redis, &upstream).await?;
        let mut keys = Vec::new();
        for owner in ["ada", "ada", "grace", "edsger", "edsger"] {
            keys.push(make_key(&service, owner, wide()?).await?);
        }
        let (redis_way, mongo_way) = (
            Proxy::before(redis.port()).await?,
            Proxy::before(mongod.port()).await?,
        );
        let settings = settings(&redis_way, &mongo_way);
        let mut gateways = Vec::new();
        for number in 0..GATEWAYS {
            let own = folder.path().join(format!("gateway-{number}"));
            fs::create_dir(&own)?;
            fs::write(own.join("pepper"), PEPPER)?;
            gateways.push(Arc::new(Gateway::new(binary, own, settings.clone())));
        }
        for gateway in &gateways {
            gateway.start().await?;
        }
        Ok(Self {
            gateways,
            keys,
            upstream,
            store,
            redis_way,
            mongo_way,
            redis,
            mongod,
            service,
            folder,
        })
    }

    /// A key of `owner` with these limits.
    pub(crate) async fn make_key(&self, owner: &str, limits: Vec<Limit>) -> Result<Key, Failure> {
        make_key(&self.service, owner, limits).await
    }

    /// Revokes a key, and tells the gateways.
    pub(crate) async fn revoke(&self, id: KeyId) -> Result<(), Failure> {
        self.service.revoke(id).await?;
        Ok(())
    }

    /// Gives a user a limit, and puts them into the group that has one.
    pub(crate) async fn limit_user(&self, name: &str, limit: Limit) -> Result<(), Failure> {
        let users = self.store.users();
        let mut user = users.by_name(name).await?.ok_or("there is no such user")?;
        user.limits = vec![limit];
        user.groups = vec![GroupName::parse("race")?];
        users.update(&user).await?;
        let options = llmgw_store_redis::Options::at(&self.redis.url());
        let feed = RedisFeed::new(RedisStore::open(&options)?);
        feed.publish(Change::User(user.id)).await?;
        Ok(())
    }

    /// The same database, as another process sees it.
    pub(crate) async fn another_store(&self) -> Result<MongoStore, Failure> {
        Ok(MongoStore::connect(&Options::new(SecretString::from(self.mongod.url()), "llmgw")).await?)
    }

    /// How often a gateway went by limits of its own so far. Waits until none does.
    pub(crate) async fn times_alone(&self) -> Result<u64, Failure> {
        let began = Instant::now();
        while began.elapsed() < SHARED_AGAIN {
            let mut times = Some(0);
            for gateway in &self.gateways {
                let more = gateway.times_alone().await;
                times = times.zip(more).map(|(times, more)| times + more);
            }
            if let Some(times) = times {
                return Ok(times);
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err(format!("limits are not shared after {SHARED_AGAIN:?}").into())
    }

    /// How many finds MongoDB has served so far.
    pub(crate) async fn finds(&self) -> Result<i64, Failure> {
        let client = mongodb::Client::with_uri_str(self.mongod.url()).await?;
        let status = client
            .database("admin")
            .run_command(mongodb::bson::doc! { "serverStatus": 1 })
            .await?;
        let counters = status.get_document("opcounters")?;
        let queries = counters.get("query").ok_or("no counter of queries")?;
        let number = queries.as_i64().or_else(|| queries.as_i32().map(i64::from));
        Ok(number.ok_or("a counter that is no number")?)
    }

    /// Empties Redis.
    pub(crate) async fn flush(&self) -> Result<(), Failure> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.redis.port())).await?;
        connection.write_all(b"FLUSHALL\r\n").await?;
        connection.read_u8().await?;
        Ok(())
    }

    /// Keeps its folder, logs and journals in it, and says where.
    pub(crate) fn keep(mut self) -> String {
        self.folder.disable_cleanup(true);
        self.folder.path().display().to_string()
    }
}

fn settings(redis: &Proxy, mongo: &Proxy) -> Vec<(String, String)> {
    // Asked for its members, the replica set would name the way around the proxy.
    let mongo = format!("mongodb://{}/?directConnection=true", mongo.address);
    let all = [
        ("LLMGW_KEYS__PEPPER_FILE", "pepper".to_owned()),
        ("LLMGW_JOURNAL__DIR", "journal".to_owned()),
        ("LLMGW_REDIS__URL", format!("redis://{}/0", redis.address)),
        ("LLMGW_MONGO__URL", mongo),
        ("LLMGW_GATEWAY__TRUSTED_PROXIES", r#"["127.0.0.1"]"#.to_owned()),
        ("LLMGW_LIMITS__EVERYONE", EVERYONE.to_owned()),
        ("LLMGW_LIMITS__GROUPS", GROUPS.to_owned()),
    ];
    all.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

async fn seed(store: &MongoStore, redis: &Redis, upstream: &Upstream) -> Result<KeyService, Failure> {
    let options = llmgw_store_redis::Options::at(&redis.url());
    let feed = Arc::new(RedisFeed::new(RedisStore::open(&options)?));
    let mut model = Model::new(ModelId::parse("chaos")?, LONG_AGO);
    model.targets.push(Target {
        id: TargetId::parse("upstream")?,
        base_url: format!("http://{}", upstream.address),
        model: None,
        secret: SecretRef::None,
        weight: 1,
        max_in_flight: None,
        quirks: Vec::new(),
    });
    ModelService::new(Arc::new(store.models()), feed.clone())
        .create(&model)
        .await?;
    Ok(KeyService::new(
        Arc::new(store.keys()),
        Arc::new(store.users()),
        Pepper::parse_file(PEPPER)?.remove(0),
        feed,
        Arc::new(Urandom),
    ))
}

async fn make_key(service: &KeyService, owner: &str, limits: Vec<Limit>) -> Result<Key, Failure> {
    let new = NewKey {
        owner: owner.to_owned(),
        name: "chaos".to_owned(),
        limits,
        ..NewKey::default()
    };
    let made = service.create(new, LONG_AGO).await?;
    Ok(Key {
        id: made.key.id,
        text: made.text.expose().to_owned(),
    })
}

// Limits that refuse nobody and count everything.
fn wide() -> Result<Vec<Limit>, Failure> {
    Ok(vec![
        Limit::new(Unit::Requests, Window::Day, 1_000_000_000)?,
        Limit::new(Unit::Tokens, Window::Day, 1_000_000_000_000)?,
        Limit::new(Unit::InFlight, Window::None, MOST_AT_ONCE)?,
    ])
}
