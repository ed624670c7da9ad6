//! Entries in Redis, and when they count. It knows nothing of what is in them but that it is JSON.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use llmgw_types::{Change, KeyId, StoreError, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::away::Away;
use crate::RedisStore;
use crate::store::Script;

/// Part of the names of keys: entries of another form have another one.
const FORM: &str = "c2";

/// An entry is as good as the store for so long.
const FRESH: Duration = Duration::from_secs(30);
/// The same for what is not there.
const ABSENT: Duration = Duration::from_secs(5);
/// Older ones are used while the store is away.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

static LOOK: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("../lua/epoch.lua"), include_str!("../lua/look.lua")]));
static KEEP: LazyLock<Script> = LazyLock::new(|| Script::new(&[include_str!("../lua/keep.lua")]));
static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&[
        include_str!("../lua/epoch.lua"),
        include_str!("../lua/forget.lua"),
    ])
});

/// The entries of all kinds.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    store: RedisStore,
    base: String,
    // The store behind.
    away: Arc<Away>,
}

/// The name of an entry: a letter for its kind, then an id or a hash.
pub(crate) struct Name(Vec<u8>);

/// What is to be kept under a name, and for how long.
pub(super) struct Entry {
    name: Name,
    content: Vec<u8>,
    lasts: Duration,
}

/// The moment a look began, for what is kept after it.
pub(super) struct Moment {
    epoch: Vec<u8>,
    at: Instant,
}

// Of an entry: its content and age. One that says that there is nothing begins with `-`.
type Found = Option<(Vec<u8>, Duration)>;

impl Name {
    pub(super) fn hash(hash: &[u8; 32]) -> Self {
        Self([b"h", &hash[..]].concat())
    }

    pub(super) fn key(id: KeyId) -> Self {
        Self([b"k", &id.as_bytes()[..]].concat())
    }

    pub(super) fn user(id: UserId) -> Self {
        Self([b"u", &id.as_bytes()[..]].concat())
    }

    /// Of the whole list of models.
    pub(super) fn models() -> Self {
        Self(b"m".to_vec())
    }

    /// Of what a change makes wrong.
    pub(crate) fn of_change(change: &Change) -> Option<Self> {
        match change {
            Change::Key(id) => Some(Self::key(*id)),
            Change::User(id) => Some(Self::user(*id)),
            Change::Model(_) => Some(Self::models()),
            // They are not kept here.
            Change::Limits => None,
        }
    }
}

impl Entry {
    pub(super) fn record(name: Name, record: &impl Serialize) -> Option<Self> {
        let content = serde_json::to_vec(record).ok()?;
        let lasts = KEPT;
        Some(Self { name, content, lasts })
    }

    /// Says that what is meant stands under another name.
    pub(super) fn link(name: Name, meant: &Name) -> Self {
        let content = [b"+", &meant.0[..]].concat();
        let lasts = KEPT;
        Self { name, content, lasts }
    }

    /// Says that there is nothing.
    pub(super) fn absent(name: Name, moment: &Moment) -> Self {
        let content = [b"-", &moment.epoch[..]].concat();
        let lasts = ABSENT;
        Self { name, content, lasts }
    }
}

impl Shelf {
    pub(crate) fn new(store: RedisStore) -> Self {
        Self {
            base: store.base(FORM),
            store,
            away: Arc::default(),
        }
    }

    /// What the entry says while it is fresh, else what `read` brings, which is kept; an older entry where `read`
    /// finds the store away. An entry that is not `meant` is none.
    pub(super) async fn through<T: DeserializeOwned>(
        &self,
        name: Name,
        meant: impl Fn(&T) -> bool,
        read: impl Future<Output = Result<Option<T>, StoreError>>,
        entries: impl FnOnce(&Moment, Name, Option<&T>) -> Vec<Entry>,
    ) -> Result<Option<T>, StoreError> {
        // Where Redis is away the store is asked, and nothing is kept.
        let Ok((moment, found)) = self.look(&name).await else {
            return read.await;
        };
        if let Some((content, age)) = &found {
            if content.starts_with(b"-") {
                return Ok(None);
            }
            if *age < FRESH
                && let Some(record) = parse(content).filter(&meant)
            {
                return Ok(Some(record));
            }
        }
        let old = found.and_then(|(content, _)| parse(&content)).filter(&meant);
        if old.is_some() && self.away.use_old(Instant::now()) {
            return Ok(old);
        }
        self.away.ask(Instant::now());
        match read.await {
            Ok(record) => {
                self.away.answered();
                self.keep(&moment, entries(&moment, name, record.as_ref())).await;
                Ok(record)
            }
            Err(error @ StoreError::Unavailable { .. }) => {
                self.away.failed(Instant::now());
                old.map_or(Err(error), |record| Ok(Some(record)))
            }
            Err(error) => Err(error),
        }
    }

    /// Forgets these entries, and whatever is being read now. Where that fails they are used until they are old.
    pub(super) async fn forget(&self, names: &[Name]) {
        if let Err(error) = self.forget_and_tell(names, "", &[]).await {
            tracing::warn!(%error, "an entry in Redis may be used for some seconds though it was changed");
        }
    }

    /// The same, and says something on a channel in the same step.
    pub(crate) async fn forget_and_tell(
        &self,
        names: &[Name],
        channel: &str,
        message: &[u8],
    ) -> Result<(), StoreError> {
        let told = [channel.as_bytes().to_vec(), message.to_vec()];
        let names = names.iter().map(|name| name.0.clone());
        let arguments: Vec<_> = told.into_iter().chain(names).collect();
        let _: u8 = self.store.run(&FORGET, &self.base, &arguments).await?;
        Ok(())
    }

    async fn look(&self, name: &Name) -> Result<(Moment, Found), StoreError> {
        let at = Instant::now();
        let arguments = [name.0.clone(), millis(KEPT)];
        let (epoch, entry, age): (Vec<u8>, Option<Vec<u8>>, i64) =
            self.store.run(&LOOK, &self.base, &arguments).await?;
        let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
        Ok((Moment { epoch, at }, entry.map(|entry| (entry, age))))
    }

    // A failure costs the next look-up a question to the store, and nothing else.
    async fn keep(&self, moment: &Moment, entries: Vec<Entry>) {
        // What was read may be as old as the question.
        let age = moment.at.elapsed();
        let mut arguments = vec![moment.epoch.clone()];
        for entry in entries {
            let lasts = entry.lasts.saturating_sub(age).max(Duration::from_millis(1));
            arguments.extend([entry.name.0, entry.content, millis(lasts)]);
        }
        if arguments.len() > 1 {
            let _: Result<u8, _> = self.store.run(&KEEP, &self.base, &arguments).await;
        }
    }
}

// An entry of another version of this program may have another form.
fn parse<T: DeserializeOwned>(content: &[u8]) -> Option<T> {
    serde_json::from_slice(content).ok()
}

fn millis(time: Duration) -> Vec<u8> {
    time.as_millis().to_string().into_bytes()
}
