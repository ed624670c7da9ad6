//! Opens the stores and puts the administration on them. The only place that names concrete adapters.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::timeout;
use llmgw_admin_http::Admin;
use llmgw_audit::Auditor;
use llmgw_boot::config::{Fault, StoreKind};
use llmgw_boot::{Failure, OsEntropy, RefResolver, SystemClock, chain};
use llmgw_keys::{Failures, KeyService, Pepper, UserService};
use llmgw_models::{AllowedTargets, ModelService, SecretSealer, SecretUnsealer};
use llmgw_secrets_seal::Seal;
use llmgw_sessions::{MemorySessions, SessionStore};
use llmgw_store_redis::{RedisAdmission, RedisFeed, RedisSessions, RedisStore};
use llmgw_stores::{Lasting, MongoStore, peppers, redis_for_pages, sealing};
use llmgw_types::{ChangeFeed, SecretString};
use llmgw_upstream_awc::AwcProbe;
use llmgw_usage::admission::{AdmissionStore, Calendar, MemoryAdmission, StandingLimits};

use crate::settings::{Loaded, Settings};
use crate::told::Told;

/// How long MongoDB may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What the settings come to; no store was asked anything yet.
pub(crate) struct Checked {
    peppers: Vec<Pepper>,
    lasting: Lasting,
    redis: Option<RedisStore>,
    limits: Calendar,
    reports: Calendar,
    seal: Option<Arc<Seal>>,
    allowed: AllowedTargets,
    upstream: Option<SecretString>,
}

/// The administration, and who is told of its changes.
pub(crate) struct Opened {
    pub(crate) admin: Admin,
    pub(crate) told: Arc<Told>,
}

/// The administration, and what it stands on.
pub(crate) struct Built {
    pub(crate) admin: Admin,
    pub(crate) mongo: Option<MongoStore>,
}

impl Checked {
    /// Looks at everything; names the first fault and the layer it came from. `standalone` has no Redis.
    pub(crate) fn check(loaded: &Loaded, standalone: bool) -> Result<Self, Failure> {
        Self::of(&loaded.settings, standalone).map_err(|fault| loaded.blame(&fault))
    }

    fn of(settings: &Settings, standalone: bool) -> Result<Self, Fault> {
        let peppers = peppers(&settings.keys)?;
        if peppers.is_empty() {
            return Err(Fault::new("keys.pepper_file", "there is no pepper in it"));
        }
        if let (StoreKind::Sqlite, Some(path)) = (settings.store.kind, &settings.store.path)
            && !path.is_file()
        {
            let what = format!("there is no file {}; name the gateway's", path.display());
            return Err(Fault::new("store.path", what));
        }
        Ok(Self {
            peppers,
            lasting: Lasting::of(&settings.store, &settings.mongo, &settings.reports)?,
            limits: zone("limits.timezone", &settings.limits.timezone.0)?,
            reports: zone("reports.timezone", &settings.reports.timezone.0)?,
            seal: sealing(&settings.secrets)?,
            allowed: settings.upstream.allowed()?,
            upstream: settings.upstream.secret()?,
            redis: (!standalone)
                .then(|| redis_for_pages(&settings.redis))
                .transpose()?,
        })
    }

    /// Redis, where there is one.
    pub(crate) const fn redis(&self) -> Option<&RedisStore> {
        self.redis.as_ref()
    }

    /// All that the admin key may be hashed under, the newest first.
    pub(crate) fn peppers(&self) -> &[Pepper] {
        &self.peppers
    }

    /// Opens what lasts, and sees that it is there and of use.
    pub(crate) async fn open(self, loaded: &Loaded) -> Result<Opened, Failure> {
        let told = Arc::new(Told::over(self.redis.clone().map(RedisFeed::new)));
        let built = self.build(loaded, told.clone())?;
        prepare(built.mongo.as_ref(), loaded).await?;
        Ok(Opened {
            admin: built.admin,
            told,
        })
    }

    /// Puts everything together, changes told to `told`; no store is asked anything yet.
    pub(crate) fn build(self, loaded: &Loaded, told: Arc<dyn ChangeFeed>) -> Result<Built, Failure> {
        let kept = self.lasting.open().map_err(|fault| loaded.blame(&fault))?;
        let pepper = self.peppers.into_iter().next();
        let pepper = pepper.ok_or_else(|| "there is no pepper".to_owned())?;
        let (clock, entropy) = (Arc::new(SystemClock::default()), Arc::new(OsEntropy));
        let shared = shared(self.redis, kept.sessions, self.limits);
        let settings = &loaded.settings;
        let admin = Admin {
            keys: KeyService::new(
                Arc::clone(&kept.keys),
                Arc::clone(&kept.users),
                pepper,
                told.clone(),
                entropy.clone(),
            ),
            users: UserService::new(kept.users, kept.keys, told.clone(), entropy.clone()),
            models: ModelService::new(kept.models, told.clone()).within(self.allowed.clone()),
            probe: Arc::new(AwcProbe::new(
                settings.upstream.connect_timeout.0,
                Arc::new(self.allowed),
            )),
            secrets: Arc::new(
                RefResolver::new(self.upstream, settings.secrets.dir.clone(), clock.clone())
                    .with_unsealer(self.seal.clone().map(|seal| seal as Arc<dyn SecretUnsealer>)),
            ),
            sealer: self.seal.map(|seal| seal as Arc<dyn SecretSealer>),
            limits: StandingLimits::new(settings.limits.policy(), kept.limits),
            admission: shared.admission,
            ledger: kept.ledger,
            sessions: shared.sessions,
            auditor: Auditor::new(Arc::clone(&kept.audit), clock.clone(), entropy),
            audit: kept.audit,
            feed: told,
            default_upstream: settings.upstream.default_url.as_ref().map(|url| url.0.clone()),
            failures: Failures::default(),
            calendar: self.reports,
            currency: settings.reports.currency.clone(),
            clock,
        };
        Ok(Built {
            admin,
            mongo: kept.mongo,
        })
    }
}

fn zone(key: &'static str, name: &str) -> Result<Calendar, Fault> {
    Calendar::named(name).map_err(|error| Fault::new(key, error.to_string()))
}

// What running services share: in Redis. A trial keeps its logins in its file, and its counters in its memory, where
// nobody else sees them.
struct Shared {
    admission: Arc<dyn AdmissionStore>,
    sessions: Arc<dyn SessionStore>,
}

fn shared(redis: Option<RedisStore>, kept: Option<Arc<dyn SessionStore>>, calendar: Calendar) -> Shared {
    match (redis, kept) {
        (Some(redis), _) => Shared {
            admission: Arc::new(RedisAdmission::new(redis.clone(), calendar)),
            sessions: Arc::new(RedisSessions::new(redis)),
        },
        (None, kept) => Shared {
            admission: Arc::new(MemoryAdmission::unready(calendar)),
            sessions: kept.unwrap_or_else(|| Arc::new(MemorySessions::default())),
        },
    }
}

async fn prepare(mongo: Option<&MongoStore>, loaded: &Loaded) -> Result<(), Failure> {
    let Some(mongo) = mongo else {
        return Ok(());
    };
    let away = |why: String| format!("MongoDB does not answer: {why}; nothing was changed");
    match timeout(ANSWER_WITHIN, mongo.prepare()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(llmgw_stores::StartError::Store(error))) => Err(away(chain(&error)).into()),
        Ok(Err(useless)) => Err(loaded.blame(&Fault::new("mongo.url", useless.to_string()))),
        Err(_) => Err(away(format!("not within {ANSWER_WITHIN:?}")).into()),
    }
}
