//! Opens the stores and puts the administration on them. The only place that names concrete adapters.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::timeout;
use llmgw_admin_http::Admin;
use llmgw_boot::config::{Fault, StoreKind};
use llmgw_boot::{Failure, OsEntropy, SystemClock, chain};
use llmgw_keys::{KeyService, Pepper};
use llmgw_models::ModelService;
use llmgw_store_redis::{RedisFeed, RedisStore};
use llmgw_stores::{Kept, Lasting, peppers, redis};

use crate::settings::{Loaded, Settings};
use crate::told::Told;

/// How long MongoDB may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What the settings come to; no store was asked anything yet.
pub(crate) struct Checked {
    pepper: Pepper,
    lasting: Lasting,
    redis: Option<RedisStore>,
}

/// The administration, and who is told of its changes.
pub(crate) struct Opened {
    pub(crate) admin: Admin,
    pub(crate) told: Arc<Told>,
}

impl Checked {
    /// Looks at everything; names the first fault and the layer it came from. `standalone` has no Redis.
    pub(crate) fn check(loaded: &Loaded, standalone: bool) -> Result<Self, Failure> {
        Self::of(&loaded.settings, standalone).map_err(|fault| loaded.blame(&fault))
    }

    fn of(settings: &Settings, standalone: bool) -> Result<Self, Fault> {
        let newest = peppers(&settings.keys)?.into_iter().next();
        if let (StoreKind::Sqlite, Some(path)) = (settings.store.kind, &settings.store.path)
            && !path.is_file()
        {
            let what = format!("there is no file {}; name the gateway's", path.display());
            return Err(Fault::new("store.path", what));
        }
        Ok(Self {
            pepper: newest.ok_or_else(|| Fault::new("keys.pepper_file", "there is no pepper in it"))?,
            lasting: Lasting::of(&settings.store, &settings.mongo, &settings.reports)?,
            redis: (!standalone).then(|| redis(&settings.redis)).transpose()?,
        })
    }

    /// Opens what lasts, and sees that it is there and of use.
    pub(crate) async fn open(self, loaded: &Loaded) -> Result<Opened, Failure> {
        let kept = self.lasting.open().map_err(|fault| loaded.blame(&fault))?;
        prepare(&kept, loaded).await?;
        let told = Arc::new(Told::over(self.redis.map(RedisFeed::new)));
        let entropy = Arc::new(OsEntropy);
        let admin = Admin {
            keys: KeyService::new(
                kept.keys,
                Arc::clone(&kept.users),
                self.pepper,
                told.clone(),
                entropy,
            ),
            models: ModelService::new(kept.models, told.clone()),
            users: kept.users,
            ledger: kept.ledger,
            clock: Arc::new(SystemClock::default()),
        };
        Ok(Opened { admin, told })
    }
}

async fn prepare(kept: &Kept, loaded: &Loaded) -> Result<(), Failure> {
    let Some(mongo) = &kept.mongo else {
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
