//! Making, listing and revoking keys.

use std::sync::Arc;
use std::time::Duration;

use llmgw_types::{
    Change, ChangeFeed, Entropy, KeyId, Limit, ModelId, Revision, Role, StoreError, Timestamp, UserId, random,
};

use crate::{ApiKey, KeyError, KeyState, KeyStore, KeyText, Page, Pepper, User, UserState, UserStore};

/// What a new key shall be.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// The owner's name; an unknown owner is made.
    pub owner: String,
    /// The key's name, 1 to 128 characters.
    pub name: String,
    /// Models it may use; empty: all the owner may.
    pub models: Vec<ModelId>,
    /// Its own limits.
    pub limits: Vec<Limit>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Its text, where it was made elsewhere and shall go on working; else a fresh one.
    pub text: Option<KeyText>,
}

/// A key just made. Its text is shown once.
#[derive(Debug)]
pub struct MadeKey {
    /// The record.
    pub key: ApiKey,
    /// The text.
    pub text: KeyText,
    /// The owner.
    pub owner: User,
}

/// Use cases around keys.
pub struct KeyService {
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) users: Arc<dyn UserStore>,
    pepper: Pepper,
    pub(crate) feed: Arc<dyn ChangeFeed>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl NewKey {
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), KeyError> {
        check_name("owner", &self.owner)?;
        check_name("name", &self.name)?;
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(KeyError::Invalid("expires_at: lies in the past".to_owned()));
        }
        Ok(())
    }
}

impl KeyService {
    /// Keys are hashed under `pepper`, changes told to `feed`.
    #[must_use]
    pub fn new(
        keys: Arc<dyn KeyStore>,
        users: Arc<dyn UserStore>,
        pepper: Pepper,
        feed: Arc<dyn ChangeFeed>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            keys,
            users,
            pepper,
            feed,
            entropy,
        }
    }

    /// Makes a key, and its owner where there is none of that name.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for an empty or overlong name or a time that has passed.
    pub async fn create(&self, new: NewKey, now: Timestamp) -> Result<MadeKey, KeyError> {
        new.check(now)?;
        let owner = self.owner(&new.owner, now).await?;
        self.make(new, owner, now).await
    }

    pub(crate) async fn make(&self, new: NewKey, owner: User, now: Timestamp) -> Result<MadeKey, KeyError> {
        let text = new.text.unwrap_or_else(|| self.fresh());
        let key = ApiKey {
            id: KeyId::new(now, random(&*self.entropy)),
            hash: self.pepper.hash(&text),
            hint: text.hint(),
            name: new.name,
            owner: owner.id,
            models: new.models,
            limits: new.limits,
            expires_at: new.expires_at,
            state: KeyState::Active,
            created_at: now,
            last_used_at: None,
            replaces: None,
            revision: Revision::default(),
        };
        self.keep(key, text, owner).await
    }

    /// Makes a key that takes the place of another: same owner, name, models, limits and expiry. The other goes on
    /// for `overlap`, so that its users can change over; with none it is revoked at once.
    ///
    /// # Errors
    /// [`KeyError::NotFound`] when there is no such key, [`KeyError::Invalid`] when it may not be used any more.
    pub async fn rotate(&self, id: KeyId, overlap: Duration, now: Timestamp) -> Result<MadeKey, KeyError> {
        let old = self.keys.get(id).await?.ok_or(KeyError::NotFound)?;
        if old.state == KeyState::Revoked || old.expires_at.is_some_and(|end| end <= now) {
            return Err(KeyError::Invalid(
                "this key may not be used any more; make a new one instead".to_owned(),
            ));
        }
        let owner = self.users.get(old.owner).await?.ok_or(KeyError::NotFound)?;
        let text = self.fresh();
        let key = ApiKey {
            id: KeyId::new(now, random(&*self.entropy)),
            hash: self.pepper.hash(&text),
            hint: text.hint(),
            created_at: now,
            last_used_at: None,
            replaces: Some(id),
            revision: Revision::default(),
            ..old
        };
        let made = self.keep(key, text, owner).await?;
        if overlap.is_zero() {
            self.revoke(id).await?;
            return Ok(made);
        }
        let end = now.plus(overlap);
        let ending = |old: &mut ApiKey| {
            old.expires_at = Some(old.expires_at.map_or(end, |earlier| earlier.min(end)));
            Ok(())
        };
        self.change(id, None, ending).await?;
        Ok(made)
    }

    async fn keep(&self, key: ApiKey, text: KeyText, owner: User) -> Result<MadeKey, KeyError> {
        self.keys.insert(&key).await?;
        self.feed.publish(Change::Key(key.id)).await?;
        Ok(MadeKey { key, text, owner })
    }

    /// Revokes a key for good; doing so again changes nothing. In force when this returns. Do not drop it
    /// halfway: a change that is kept but not told is seen only when caches grow old.
    ///
    /// # Errors
    /// [`KeyError::NotFound`] when there is no such key.
    pub async fn revoke(&self, id: KeyId) -> Result<ApiKey, KeyError> {
        let key = self.keys.get(id).await?.ok_or(KeyError::NotFound)?;
        // Nothing brings a revoked key back: there is nothing to write.
        if key.state == KeyState::Revoked {
            self.feed.publish(Change::Key(id)).await?;
            return Ok(key);
        }
        let revoking = |key: &mut ApiKey| {
            key.state = KeyState::Revoked;
            Ok(())
        };
        self.change(id, None, revoking).await
    }

    /// The key with this text, hashed under the newest pepper.
    ///
    /// # Errors
    /// [`KeyError::NotFound`] when there is none.
    pub async fn by_text(&self, text: &KeyText) -> Result<ApiKey, KeyError> {
        let found = self.keys.by_hash(&self.pepper.hash(text)).await?;
        found.ok_or(KeyError::NotFound)
    }

    /// Keys with their owners' names, in the order they were made; only those of `owner` where one is given.
    ///
    /// # Errors
    /// When a store failed.
    pub async fn list(
        &self,
        owner: Option<UserId>,
        page: Page<KeyId>,
    ) -> Result<Vec<(ApiKey, String)>, KeyError> {
        let mut named = Vec::new();
        for key in self.keys.list(owner, page).await? {
            let owner = self
                .users
                .get(key.owner)
                .await?
                .map(|user| user.name)
                .unwrap_or_default();
            named.push((key, owner));
        }
        Ok(named)
    }

    async fn owner(&self, name: &str, now: Timestamp) -> Result<User, KeyError> {
        if let Some(user) = self.users.by_name(name).await? {
            return Ok(user);
        }
        let user = User {
            id: UserId::new(now, random(&*self.entropy)),
            name: name.to_owned(),
            external_id: None,
            mail: None,
            groups: Vec::new(),
            role: Role::User,
            state: UserState::Active,
            agreement: None,
            last_login_at: None,
            limits: Vec::new(),
            created_at: now,
            revision: Revision::default(),
        };
        match self.users.insert(&user).await {
            Ok(()) => Ok(user),
            // Made by somebody else between our look and our insert.
            Err(StoreError::Exists { .. }) => {
                Ok(self.users.by_name(name).await?.ok_or(KeyError::NotFound)?)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl std::fmt::Debug for KeyService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyService").finish_non_exhaustive()
    }
}

pub(crate) fn check_name(field: &str, text: &str) -> Result<(), KeyError> {
    if text.trim().is_empty() || text.chars().count() > 128 || text.chars().any(char::is_control) {
        return Err(KeyError::Invalid(format!(
            "{field}: must be 1 to 128 characters of text"
        )));
    }
    Ok(())
}
