//! What people do with their own keys. Another's key is to them as if there were none.

use std::time::Duration;

use llmgw_types::{KeyId, ModelId, StoreError, Timestamp, UserId, random};

use crate::service::check_name;
use crate::{ApiKey, KeyError, KeyService, KeyState, KeyStore, KeyText, MadeKey, NewKey, Page, User};

const PAGE: usize = 1_000;

/// The keys of one person.
#[derive(Debug, Clone, Copy)]
pub struct OwnKeys<'a> {
    service: &'a KeyService,
    owner: &'a User,
    most: usize,
}

/// What a new key of one's own shall be.
#[derive(Debug, Clone, Default)]
pub struct NewOwnKey {
    /// Its name, 1 to 128 characters.
    pub name: String,
    /// Models it may use; empty: all its owner may.
    pub models: Vec<ModelId>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

impl<'a> OwnKeys<'a> {
    pub(crate) const fn new(service: &'a KeyService, owner: &'a User, most: usize) -> Self {
        Self { service, owner, most }
    }

    /// All of them, in the order they were made, those that may not be used any more among them.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn list(&self) -> Result<Vec<ApiKey>, KeyError> {
        Ok(all_of(&*self.service.keys, self.owner.id).await?)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`KeyError::NotFound`] when there is none of this id, or it is another's.
    pub async fn get(&self, id: KeyId) -> Result<ApiKey, KeyError> {
        let key = self.service.keys.get(id).await?.ok_or(KeyError::NotFound)?;
        if key.owner == self.owner.id {
            Ok(key)
        } else {
            Err(KeyError::NotFound)
        }
    }

    /// How many count against the most there may be.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn count(&self, now: Timestamp) -> Result<usize, KeyError> {
        Ok(counted(&self.list().await?, now).len())
    }

    /// Makes one.
    ///
    /// # Errors
    /// [`KeyError::TooMany`] when there are as many as there may be; as for [`KeyService::create`].
    pub async fn create(&self, new: NewOwnKey, now: Timestamp) -> Result<MadeKey, KeyError> {
        let new = NewKey {
            owner: self.owner.name.clone(),
            name: new.name.trim().to_owned(),
            models: new.models,
            limits: Vec::new(),
            expires_at: new.expires_at,
            text: None,
        };
        new.check(now)?;
        self.room(self.list().await?, self.most.saturating_sub(1), now)?;
        let made = self.service.make(new, self.owner.clone(), now).await?;
        self.within_the_most(made, now).await
    }

    /// Gives one another name.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for an empty or overlong name; as for [`get`](Self::get).
    pub async fn rename(&self, id: KeyId, name: &str, now: Timestamp) -> Result<ApiKey, KeyError> {
        let name = name.trim();
        check_name("name", name)?;
        self.get(id).await?;
        let renaming = |key: &mut ApiKey| {
            if !is_usable(key, now) {
                return Err(KeyError::Invalid(
                    "this key may not be used any more and keeps its name".to_owned(),
                ));
            }
            name.clone_into(&mut key.name);
            Ok(())
        };
        self.service.change(id, None, renaming).await
    }

    /// Makes one that takes another's place; see [`KeyService::rotate`].
    ///
    /// # Errors
    /// As for [`KeyService::rotate`] and [`create`](Self::create).
    pub async fn rotate(&self, id: KeyId, overlap: Duration, now: Timestamp) -> Result<MadeKey, KeyError> {
        self.get(id).await?;
        let keys = self.list().await?;
        // A key that has a successor makes room for none.
        if keys
            .iter()
            .any(|key| key.replaces == Some(id) && is_usable(key, now))
        {
            self.room(keys, self.most.saturating_sub(1), now)?;
        }
        let made = self.service.rotate(id, overlap, now).await?;
        self.within_the_most(made, now).await
    }

    /// Revokes one for good.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub async fn revoke(&self, id: KeyId) -> Result<ApiKey, KeyError> {
        self.get(id).await?;
        self.service.revoke(id).await
    }

    // `keys` by value: what was looked at before a change must not be looked at after it.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what was read before a change is not used after it"
    )]
    fn room(&self, keys: Vec<ApiKey>, most: usize, now: Timestamp) -> Result<(), KeyError> {
        if counted(&keys, now).len() > most {
            return Err(KeyError::TooMany { most: self.most });
        }
        Ok(())
    }

    // Somebody who asks twice at once finds room twice. Of those made then the last are taken back: all who look
    // see the same order.
    async fn within_the_most(&self, made: MadeKey, now: Timestamp) -> Result<MadeKey, KeyError> {
        let keys = self.list().await?;
        let counted = counted(&keys, now);
        if counted.iter().take(self.most).any(|id| *id == made.key.id) {
            return Ok(made);
        }
        self.service.revoke(made.key.id).await?;
        Err(KeyError::TooMany { most: self.most })
    }
}

impl KeyService {
    /// The keys of `owner`, who may have `most` of them that can be used. One that was replaced and goes on for a
    /// while does not count.
    #[must_use]
    pub const fn own<'a>(&'a self, owner: &'a User, most: usize) -> OwnKeys<'a> {
        OwnKeys::new(self, owner, most)
    }

    pub(crate) fn fresh(&self) -> KeyText {
        KeyText::generate(random(&*self.entropy))
    }
}

/// All keys of `owner`, in the order they were made.
pub(crate) async fn all_of(keys: &dyn KeyStore, owner: UserId) -> Result<Vec<ApiKey>, StoreError> {
    let mut all: Vec<ApiKey> = Vec::new();
    loop {
        let after = all.last().map(|key| key.id);
        let some = keys.list(Some(owner), Page { after, limit: PAGE }).await?;
        let last = some.len() < PAGE;
        all.extend(some);
        if last {
            return Ok(all);
        }
    }
}

fn is_usable(key: &ApiKey, now: Timestamp) -> bool {
    key.state == KeyState::Active && key.expires_at.is_none_or(|end| now < end)
}

// Those that count, in order of id.
fn counted(keys: &[ApiKey], now: Timestamp) -> Vec<KeyId> {
    let usable = || keys.iter().filter(|key| is_usable(key, now));
    let replaced: Vec<KeyId> = usable().filter_map(|key| key.replaces).collect();
    usable()
        .map(|key| key.id)
        .filter(|id| !replaced.contains(id))
        .collect()
}

#[cfg(test)]
mod tests;
