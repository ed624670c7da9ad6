//! What may happen once: an answer to a request, and a log-in by an assertion. Both are kept where every process sees
//! them; while that store is away nobody comes in, since nobody could tell a replay.

use std::time::Duration;

use llmgw_sessions::{OneTimeStore, TokenHash};
use llmgw_types::{StoreError, Timestamp};

use crate::Refusal;
use crate::login::{Pending, Person};

/// How long somebody may take to log in at the identity provider.
pub const LONGEST_LOGIN: Duration = Duration::from_mins(10);

const PENDING: &str = "saml-login";
const ASSERTIONS: &str = "saml-assertion";

/// Why a login came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What must be remembered cannot be: nobody is to blame, and trying again may help.
    #[error("logins cannot be kept")]
    Store(#[from] StoreError),
}

/// Keeps a login until its answer comes. `handle` is what the browser brings back with it, in a cookie.
///
/// # Errors
/// When the store failed.
pub async fn keep(
    once: &dyn OneTimeStore,
    handle: &TokenHash,
    pending: &Pending,
    now: Timestamp,
) -> Result<(), LoginError> {
    let text =
        serde_json::to_vec(pending).map_err(|_| Refusal::Malformed("a login that cannot be written"))?;
    let until = now.plus(LONGEST_LOGIN);
    Ok(once.put(PENDING, handle, &text, until, now).await?)
}

/// Takes the login that an answer claims to belong to. Whoever asks again finds nothing, whether that answer was right
/// or not.
///
/// # Errors
/// [`Refusal::Check`] when there is none: it was taken, is too old, or is another browser's. When the store failed.
pub async fn take(
    once: &dyn OneTimeStore,
    handle: &TokenHash,
    now: Timestamp,
) -> Result<Pending, LoginError> {
    let text = once.take(PENDING, handle, now).await?.ok_or(Refusal::Check(
        "no login was begun in this browser, or it was answered",
    ))?;
    Ok(serde_json::from_slice(&text).map_err(|_| Refusal::Malformed("a login that cannot be read"))?)
}

/// Takes note that somebody came in by this assertion.
///
/// # Errors
/// [`Refusal::Replayed`] when somebody did before. When the store failed.
pub async fn use_assertion(
    once: &dyn OneTimeStore,
    person: &Person,
    now: Timestamp,
) -> Result<(), LoginError> {
    let id = &person.assertion_id;
    if once.first_use(ASSERTIONS, id, person.remember_until, now).await? {
        Ok(())
    } else {
        Err(Refusal::Replayed.into())
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;
    use llmgw_sessions::{MemoryOneTime, Token};
    use llmgw_types::Role;

    use super::*;
    use crate::{Account, Admitted, NameId};

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn hash(byte: u8) -> TokenHash {
        Token::generate([byte; 32]).hash()
    }

    fn pending() -> Pending {
        Pending {
            request_id: "_1".into(),
            idp: "urn:idp".into(),
            requested_at: NOW,
            return_path: "/keys".into(),
        }
    }

    fn person(assertion: &str) -> Person {
        Person {
            account: Account {
                external_id: "urn:idp alice".into(),
                name: "Alice".into(),
                mail: None,
                groups: Vec::new(),
            },
            admitted: Admitted {
                role: Role::User,
                groups: Vec::new(),
            },
            name_id: NameId {
                value: "_n".into(),
                format: None,
                name_qualifier: None,
                sp_name_qualifier: None,
            },
            session_index: None,
            session_ends: None,
            assertion_id: assertion.into(),
            remember_until: NOW.plus(Duration::from_mins(6)),
            return_path: "/".into(),
        }
    }

    #[test]
    fn a_login_is_taken_once_by_its_own_browser_in_time() {
        block_on(async {
            let once = MemoryOneTime::default();
            keep(&once, &hash(1), &pending(), NOW).await.unwrap();
            assert!(matches!(
                take(&once, &hash(2), NOW).await,
                Err(LoginError::Refused(Refusal::Check(_)))
            ));
            assert_eq!(take(&once, &hash(1), NOW).await.unwrap(), pending());
            assert!(take(&once, &hash(1), NOW).await.is_err());
            keep(&once, &hash(1), &pending(), NOW).await.unwrap();
            assert!(take(&once, &hash(1), NOW.plus(LONGEST_LOGIN)).await.is_err());
        });
    }

    #[test]
    fn an_assertion_lets_in_once() {
        block_on(async {
            let once = MemoryOneTime::default();
            use_assertion(&once, &person("urn:idp _a"), NOW).await.unwrap();
            let again = use_assertion(&once, &person("urn:idp _a"), NOW.plus(Duration::from_mins(5))).await;
            assert!(matches!(again, Err(LoginError::Refused(Refusal::Replayed))));
            use_assertion(&once, &person("urn:idp _b"), NOW).await.unwrap();
        });
    }
}
