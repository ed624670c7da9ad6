//! What the first start makes: keys to begin with. They are shown once, so a start that fails must leave none.

use llmgw_boot::{OsEntropy, chain};
use llmgw_keys::{AdminKey, KeyError, KeyService, KeyText, NewKey, Page, Pepper};
use llmgw_types::Timestamp;

use crate::data_dir::DataDir;

/// The user that the first key belongs to.
const LOCAL_USER: &str = "local";

/// The admin key, and the texts of keys that were made just now.
pub(crate) struct Keys {
    pub(crate) admin: AdminKey,
    pub(crate) new_admin_key: Option<KeyText>,
    pub(crate) new_key: Option<KeyText>,
}

/// Makes the keys that are not there yet. `admin` is the admin key as it is set or kept. Nothing that may fail
/// comes after this.
pub(crate) async fn keys(
    data: &DataDir,
    service: &KeyService,
    admin: (AdminKey, Option<KeyText>),
    now: Timestamp,
) -> Result<Keys, String> {
    let (admin, new_admin_key) = admin;
    match first_key(service, now).await {
        Ok(new_key) => Ok(Keys {
            admin,
            new_admin_key,
            new_key,
        }),
        Err(error) => {
            if new_admin_key.is_some() {
                data.forget_admin_key();
            }
            Err(format!("cannot make a key: {}", chain(&error)))
        }
    }
}

/// The admin key: `set` in the settings, else the one that is kept; `anew` makes another.
pub(crate) fn admin_key(
    set: Option<&KeyText>,
    data: &DataDir,
    peppers: Vec<Pepper>,
    anew: bool,
) -> Result<(AdminKey, Option<KeyText>), String> {
    match (set, peppers.first()) {
        (Some(text), Some(newest)) => {
            let hash = newest.hash(text);
            Ok((AdminKey::new(peppers, hash), None))
        }
        _ => data.admin_key(peppers, &OsEntropy, anew),
    }
}

// An API key of the user `local`, where there is no key at all yet.
async fn first_key(service: &KeyService, now: Timestamp) -> Result<Option<KeyText>, KeyError> {
    let first = Page {
        after: None,
        limit: 1,
    };
    if !service.list(None, first).await?.is_empty() {
        return Ok(None);
    }
    let new = NewKey {
        owner: LOCAL_USER.to_owned(),
        name: "first key".to_owned(),
        ..NewKey::default()
    };
    Ok(Some(service.create(new, now).await?.text))
}
