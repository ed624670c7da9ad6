//! Users by name: the ledger knows them by id only.

use std::collections::HashMap;

use llmgw_types::{StoreError, UserId};

use crate::Admin;

/// Names of users, each looked up once.
#[derive(Default)]
pub(crate) struct Names(HashMap<UserId, Option<String>>);

impl Names {
    /// The user's name; `None` when the user was erased.
    pub(crate) async fn of(&mut self, admin: &Admin, id: UserId) -> Result<Option<String>, StoreError> {
        if let Some(name) = self.0.get(&id) {
            return Ok(name.clone());
        }
        let name = admin.users.get(id).await?.map(|user| user.name);
        self.0.insert(id, name.clone());
        Ok(name)
    }
}

/// The user that a query names, by name or by id.
pub(crate) async fn find(admin: &Admin, text: &str) -> Result<Option<UserId>, StoreError> {
    if let Some(user) = admin.users.by_name(text).await? {
        return Ok(Some(user.id));
    }
    Ok(text.parse().ok())
}
