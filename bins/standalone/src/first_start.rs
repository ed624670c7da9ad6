//! What the first start makes: a key to begin with.

use llmgw_keys::{KeyError, KeyService, KeyText, NewKey, Page};
use llmgw_types::Timestamp;

/// The user that the first key belongs to.
pub(crate) const LOCAL_USER: &str = "local";

/// An API key of the user `local`, where there is no key at all yet.
pub(crate) async fn first_key(keys: &KeyService, now: Timestamp) -> Result<Option<KeyText>, KeyError> {
    if !keys.list(Page { after: None, limit: 1 }).await?.is_empty() {
        return Ok(None);
    }
    let new = NewKey { owner: LOCAL_USER.to_owned(), name: "first key".to_owned(), ..NewKey::default() };
    Ok(Some(keys.create(new, now).await?.text))
}
