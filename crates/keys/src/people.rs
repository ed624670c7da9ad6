//! People who log in with their institution: found again by their account there, and kept as it says they are.

use std::sync::Arc;

use llmgw_types::{
    Change, ChangeFeed, Entropy, GroupName, Revision, Role, StoreError, Timestamp, UserId, random, until_kept,
};

use crate::{User, UserState, UserStore};

/// Somebody as an institution knows them at a login.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The account: institution and its id there, unique over all of them.
    pub external_id: String,
    /// What to call them in lists, unique in a store where that can be; the account's id, mostly.
    pub name: String,
    /// Mail address, if known.
    pub mail: Option<String>,
    /// Groups, in any order.
    pub groups: Vec<GroupName>,
    /// The role that the institution's word gives; `None` where it gives none and what was set here stays.
    pub role: Option<Role>,
}

/// What a login came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// They are in.
    In(User),
    /// They are suspended here.
    Suspended,
}

/// Use cases around people.
pub struct People {
    users: Arc<dyn UserStore>,
    feed: Arc<dyn ChangeFeed>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("People").finish_non_exhaustive()
    }
}

impl People {
    /// Kept in `users`, changes told to `feed`.
    #[must_use]
    pub fn new(users: Arc<dyn UserStore>, feed: Arc<dyn ChangeFeed>, entropy: Arc<dyn Entropy>) -> Self {
        Self { users, feed, entropy }
    }

    /// Somebody logged in: makes the user at the first time, and takes over mail, groups and role each time.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn arrive(&self, arrival: Arrival, now: Timestamp) -> Result<Arrived, StoreError> {
        until_kept(|| self.arrive_once(&arrival, now)).await
    }

    async fn arrive_once(&self, arrival: &Arrival, now: Timestamp) -> Result<Arrived, StoreError> {
        let user = match self.users.by_external_id(&arrival.external_id).await? {
            Some(user) => user,
            None => self.first(arrival, now).await?,
        };
        if user.state != UserState::Active {
            return Ok(Arrived::Suspended);
        }
        let mut groups = arrival.groups.clone();
        groups.sort();
        groups.dedup();
        let known = User {
            mail: arrival.mail.clone(),
            groups,
            role: arrival.role.unwrap_or(user.role),
            last_login_at: Some(now),
            ..user.clone()
        };
        self.users.update(&known).await?;
        let revision = known.revision.next();
        let known = User { revision, ..known };
        // Gateways hold what a user may use; a login alone changes none of it.
        if (known.groups != user.groups) || (known.role != user.role) {
            self.feed.publish(Change::User(known.id)).await?;
        }
        Ok(Arrived::In(known))
    }

    /// The user, if they are there and may act.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn active(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let user = self.users.get(id).await?;
        Ok(user.filter(|user| user.state == UserState::Active))
    }

    /// Notes that this user accepted a version of the agreement.
    ///
    /// # Errors
    /// When the user is not there, or the store failed.
    pub async fn accept(&self, id: UserId, version: &str) -> Result<(), StoreError> {
        until_kept(|| async {
            let mut user = self.users.get(id).await?.ok_or_else(|| StoreError::Missing {
                what: format!("user {id}"),
            })?;
            user.agreement = Some(version.to_owned());
            self.users.update(&user).await
        })
        .await
    }

    /// The user of this name, with this role, made where there is none: for trials on one machine, where whoever
    /// starts the program says so.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn local(&self, name: &str, role: Role, now: Timestamp) -> Result<User, StoreError> {
        until_kept(|| self.local_once(name, role, now)).await
    }

    async fn local_once(&self, name: &str, role: Role, now: Timestamp) -> Result<User, StoreError> {
        if let Some(user) = self.users.by_name(name).await? {
            return self.with_role(user, role).await;
        }
        let user = self.fresh(name.to_owned(), None, role, now);
        match self.users.insert(&user).await {
            // Made by somebody else between our look and our insert.
            Err(StoreError::Exists { what }) => {
                let found = self.users.by_name(name).await?;
                found.ok_or(StoreError::Exists { what })
            }
            made => made.map(|()| user),
        }
    }

    async fn with_role(&self, user: User, role: Role) -> Result<User, StoreError> {
        if user.role == role {
            return Ok(user);
        }
        let user = User { role, ..user };
        self.users.update(&user).await?;
        self.feed.publish(Change::User(user.id)).await?;
        let revision = user.revision.next();
        Ok(User { revision, ..user })
    }

    async fn first(&self, arrival: &Arrival, now: Timestamp) -> Result<User, StoreError> {
        let external_id = Some(arrival.external_id.clone());
        let role = arrival.role.unwrap_or_default();
        let user = self.fresh(arrival.name.clone(), external_id, role, now);
        let taken = match self.users.insert(&user).await {
            Ok(()) => return Ok(user),
            Err(error @ StoreError::Exists { .. }) => error,
            Err(error) => return Err(error),
        };
        if let Some(user) = self.users.by_external_id(&arrival.external_id).await? {
            return Ok(user);
        }
        // Somebody else has the name, whom administrators or another institution named. They are not taken for the
        // same person: an account is only what its institution says it is.
        let user = User {
            name: format!("{} ({})", user.name, user.id),
            ..user
        };
        match self.users.insert(&user).await {
            Ok(()) => Ok(user),
            Err(_) => Err(taken),
        }
    }

    fn fresh(&self, name: String, external_id: Option<String>, role: Role, now: Timestamp) -> User {
        User {
            id: UserId::new(now, random(&*self.entropy)),
            name,
            external_id,
            mail: None,
            groups: Vec::new(),
            role,
            state: UserState::Active,
            agreement: None,
            last_login_at: None,
            limits: Vec::new(),
            created_at: now,
            revision: Revision::default(),
        }
    }
}

#[cfg(test)]
mod tests;
