//! Looking after users: who there is, what they may do, and how they are forgotten.

use std::sync::Arc;

use llmgw_types::{
    Change, ChangeFeed, Entropy, GroupName, KeyId, Limit, Revision, Role, Timestamp, UserId, random,
    until_kept,
};

use crate::change::still;
use crate::own::all_of;
use crate::service::check_name;
use crate::{ApiKey, KeyError, KeyState, KeyStore, Page, User, UserState, UserStore};

/// What keys of erased users are called.
const ERASED: &str = "erased";

/// What a new user shall be: somebody who has not logged in yet, or a service account.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// The name, 1 to 128 characters; unique in a store.
    pub name: String,
    /// Mail address.
    pub mail: Option<String>,
    /// Groups, in any order.
    pub groups: Vec<GroupName>,
    /// What the user may do beyond own keys.
    pub role: Role,
    /// Whether the user may act; nobody is made erased.
    pub state: UserState,
    /// Limits of this user over all keys.
    pub limits: Vec<Limit>,
}

/// Use cases around users. Do not drop a change halfway: what is kept but not told is seen only when caches grow old.
pub struct UserService {
    users: Arc<dyn UserStore>,
    keys: Arc<dyn KeyStore>,
    feed: Arc<dyn ChangeFeed>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for UserService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserService").finish_non_exhaustive()
    }
}

impl UserService {
    /// Users in `users`, their keys in `keys`, changes told to `feed`.
    #[must_use]
    pub fn new(
        users: Arc<dyn UserStore>,
        keys: Arc<dyn KeyStore>,
        feed: Arc<dyn ChangeFeed>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            users,
            keys,
            feed,
            entropy,
        }
    }

    /// Users in order of id; see [`UserStore::list`].
    ///
    /// # Errors
    /// When the store failed.
    pub async fn list(&self, search: Option<&str>, page: Page<UserId>) -> Result<Vec<User>, KeyError> {
        Ok(self.users.list(search, page).await?)
    }

    /// The user with this id.
    ///
    /// # Errors
    /// [`KeyError::NoUser`] when there is none.
    pub async fn get(&self, id: UserId) -> Result<User, KeyError> {
        self.users.get(id).await?.ok_or(KeyError::NoUser)
    }

    /// The user of this name, or else of this id.
    ///
    /// # Errors
    /// [`KeyError::NoUser`] when there is none.
    pub async fn find(&self, text: &str) -> Result<User, KeyError> {
        if let Some(user) = self.users.by_name(text).await? {
            return Ok(user);
        }
        let id = text.parse().map_err(|_| KeyError::NoUser)?;
        self.get(id).await
    }

    /// All keys of a user, in the order they were made.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn keys_of(&self, id: UserId) -> Result<Vec<ApiKey>, KeyError> {
        Ok(all_of(&*self.keys, id).await?)
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for an empty or overlong name; [`StoreError::Exists`](llmgw_types::StoreError::Exists) when the name is taken.
    pub async fn create(&self, new: NewUser, now: Timestamp) -> Result<User, KeyError> {
        let user = User {
            id: UserId::new(now, random(&*self.entropy)),
            name: new.name,
            external_id: None,
            mail: new.mail,
            groups: in_order(new.groups),
            role: new.role,
            state: new.state,
            agreement: None,
            last_login_at: None,
            limits: new.limits,
            created_at: now,
            revision: Revision::default(),
        };
        check_name("name", &user.name)?;
        if user.state == UserState::Erased {
            return Err(KeyError::Invalid(
                "state: nobody is erased when they are made".to_owned(),
            ));
        }
        self.users.insert(&user).await?;
        self.feed.publish(Change::User(user.id)).await?;
        Ok(user)
    }

    /// Changes a user as `change` says, in force when this returns. `seen` is the revision that the caller looked at,
    /// if they care. `change` may be called several times, each time with what is there.
    ///
    /// # Errors
    /// [`KeyError::NoUser`] when there is none, [`KeyError::Changed`] when it is not what was seen,
    /// [`KeyError::Invalid`] when the user was erased, and what `change` says.
    pub async fn change(
        &self,
        id: UserId,
        seen: Option<Revision>,
        change: impl Fn(&mut User) -> Result<(), KeyError> + Send + Sync,
    ) -> Result<User, KeyError> {
        let change = &change;
        let changed = until_kept(|| async move {
            let mut user = self.get(id).await?;
            still(seen, user.revision)?;
            apply(change, &mut user)?;
            self.kept(user).await
        });
        let user = changed.await?;
        self.feed.publish(Change::User(id)).await?;
        Ok(user)
    }

    /// Forgets who a user is: name, mail, account, groups and limits are gone and all keys are revoked. What was used
    /// stays in the sums, under an id that nobody is behind. Doing so again changes nothing. Returns the user as
    /// they are then.
    ///
    /// # Errors
    /// [`KeyError::NoUser`] when there is none, [`KeyError::Changed`] when it is not what was seen.
    pub async fn erase(&self, id: UserId, seen: Option<Revision>) -> Result<User, KeyError> {
        still(seen, self.get(id).await?.revision)?;
        // The keys first: whoever breaks off here finds the user by name and erases again.
        for key in self.keys_of(id).await? {
            if key.state != KeyState::Revoked || key.name != ERASED {
                self.erase_key(key.id).await?;
            }
        }
        let erased = until_kept(|| async {
            let user = self.get(id).await?;
            if user.state == UserState::Erased {
                return Ok(user);
            }
            self.kept(erased(&user)).await
        });
        let user = erased.await?;
        self.feed.publish(Change::User(id)).await?;
        Ok(user)
    }

    // As it is there then.
    async fn kept(&self, user: User) -> Result<User, KeyError> {
        self.users.update(&user).await?;
        let revision = user.revision.next();
        Ok(User { revision, ..user })
    }

    async fn erase_key(&self, id: KeyId) -> Result<(), KeyError> {
        let erased = until_kept(|| async {
            let Some(key) = self.keys.get(id).await? else {
                return Ok(());
            };
            let key = ApiKey {
                name: ERASED.to_owned(),
                state: KeyState::Revoked,
                ..key
            };
            self.keys.update(&key).await
        });
        erased.await?;
        Ok(self.feed.publish(Change::Key(id)).await?)
    }
}

fn apply(change: impl Fn(&mut User) -> Result<(), KeyError>, user: &mut User) -> Result<(), KeyError> {
    if user.state == UserState::Erased {
        return Err(KeyError::Invalid(
            "this user was erased and cannot be changed any more".to_owned(),
        ));
    }
    change(user)?;
    user.groups = in_order(std::mem::take(&mut user.groups));
    check_name("name", &user.name)
}

fn in_order(mut groups: Vec<GroupName>) -> Vec<GroupName> {
    groups.sort();
    groups.dedup();
    groups
}

// Nothing that says who it was. The name is theirs alone, as every name is.
fn erased(user: &User) -> User {
    User {
        id: user.id,
        name: format!("{ERASED} {}", user.id),
        external_id: None,
        mail: None,
        groups: Vec::new(),
        role: Role::User,
        state: UserState::Erased,
        agreement: None,
        last_login_at: None,
        limits: Vec::new(),
        created_at: user.created_at,
        revision: user.revision,
    }
}

#[cfg(test)]
mod tests;
