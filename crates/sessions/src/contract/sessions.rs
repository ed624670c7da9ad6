//! What every [`SessionStore`] does with one session.

use std::time::Duration;

use llmgw_types::StoreError;

use super::fresh::{self, HOUR, MICRO, MINUTE, NOW, WORKS, found, inserted};
use crate::{Session, SessionStore};

/// All fields survive, also odd text.
pub async fn an_inserted_session_is_found_as_it_was(store: &dyn SessionStore) {
    let session = fresh::full_session();
    let hash = inserted(store, &session).await;
    assert_eq!(found(store, &hash).await, Some(session));
}

/// Absent fields come back absent.
pub async fn a_session_with_nothing_optional_is_found_as_it_was(store: &dyn SessionStore) {
    let session = Session {
        idle: Duration::MAX,
        ..fresh::session()
    };
    let hash = inserted(store, &session).await;
    let kept = found(store, &hash).await.expect("it is there");
    assert_eq!((kept.user, &kept.login, kept.data.len()), (None, &None, 0));
    assert_eq!(kept.expires_at(), session.ends_at);
}

/// Absence is no error.
pub async fn unknown_sessions_are_none(store: &dyn SessionStore) {
    let hash = fresh::hash();
    assert_eq!(found(store, &hash).await, None);
    assert!(!store.update(&hash, &fresh::session(), NOW).await.expect(WORKS));
    assert!(!store.touch(&hash, NOW).await.expect(WORKS));
    assert!(!store.remove(&hash).await.expect(WORKS));
    assert_eq!(store.remove_user(fresh::user()).await.expect(WORKS), 0);
    let (name, indexes) = (fresh::name(), [fresh::name()]);
    let removed = store.remove_login(&name, &name, &indexes);
    assert_eq!(removed.await.expect(WORKS), 0);
    assert_eq!(found(store, &hash).await, None);
}

/// A second session under the same hash is refused and leaves the first as it was.
pub async fn a_token_is_kept_once(store: &dyn SessionStore) {
    let session = fresh::full_session();
    let hash = inserted(store, &session).await;
    let refused = store.insert(&hash, &fresh::session(), NOW).await;
    assert!(matches!(refused, Err(StoreError::Exists { .. })), "{refused:?}");
    assert_eq!(found(store, &hash).await, Some(session));
}

/// It is there up to its end, exactly, and nothing reaches it afterwards.
pub async fn a_session_is_over_at_its_end(store: &dyn SessionStore) {
    let session = Session {
        ends_at: NOW.plus(MINUTE),
        ..fresh::session()
    };
    let hash = inserted(store, &session).await;
    let (last, end) = (session.ends_at.minus(MICRO), session.ends_at);
    assert!(store.get(&hash, last).await.expect(WORKS).is_some());
    assert_eq!(store.get(&hash, end).await.expect(WORKS), None);
    let longer = Session {
        ends_at: NOW.plus(HOUR),
        ..session
    };
    assert!(!store.update(&hash, &longer, end).await.expect(WORKS));
    assert!(!store.touch(&hash, end).await.expect(WORKS));
    assert_eq!(store.get(&hash, end).await.expect(WORKS), None);
}

/// The same for one that nobody used.
pub async fn a_session_is_over_when_it_was_idle(store: &dyn SessionStore) {
    let session = Session {
        idle: MINUTE,
        ..fresh::session()
    };
    let hash = inserted(store, &session).await;
    let end = NOW.plus(MINUTE);
    assert!(store.get(&hash, end.minus(MICRO)).await.expect(WORKS).is_some());
    assert_eq!(store.get(&hash, end).await.expect(WORKS), None);
    assert!(!store.touch(&hash, end).await.expect(WORKS));
    assert!(!store.touch(&hash, end.plus(HOUR)).await.expect(WORKS));
    let seen = Session {
        seen_at: end,
        ..session
    };
    assert!(!store.update(&hash, &seen, end).await.expect(WORKS));
    assert_eq!(store.get(&hash, end).await.expect(WORKS), None);
}

/// What is over is not in the way of a new one, nor is anything of it left in it.
pub async fn a_session_that_is_over_makes_room(store: &dyn SessionStore) {
    let old = fresh::full_session();
    let hash = inserted(store, &old).await;
    let later = old.expires_at();
    let new = Session::new(later, HOUR, HOUR);
    store.insert(&hash, &new, later).await.expect(WORKS);
    assert_eq!(store.get(&hash, later).await.expect(WORKS), Some(new));
    store
        .remove_user(old.user.expect("it has one"))
        .await
        .expect(WORKS);
    assert!(store.get(&hash, later).await.expect(WORKS).is_some());
}

/// Nothing of the former session is left.
pub async fn an_update_replaces_all_fields(store: &dyn SessionStore) {
    let hash = inserted(store, &fresh::session()).await;
    for session in [
        Session {
            seen_at: NOW,
            ..fresh::full_session()
        },
        fresh::session(),
    ] {
        // To what is there already is an update as well.
        for _ in 0..2 {
            assert!(store.update(&hash, &session, NOW).await.expect(WORKS));
            assert_eq!(found(store, &hash).await.as_ref(), Some(&session));
        }
    }
}

/// Whoever read a session before it was used again does not make it older.
pub async fn an_update_never_moves_seen_at_back(store: &dyn SessionStore) {
    let before = fresh::session();
    let hash = inserted(store, &before).await;
    let seen_at = NOW.plus(MINUTE);
    assert!(store.touch(&hash, seen_at).await.expect(WORKS));
    assert!(store.update(&hash, &before, seen_at).await.expect(WORKS));
    let expected = Session { seen_at, ..before };
    assert_eq!(found(store, &hash).await.as_ref(), Some(&expected));
    let almost = expected.expires_at().minus(MICRO);
    assert!(store.get(&hash, almost).await.expect(WORKS).is_some());
}

/// A page that was being made while its user logged out keeps nobody logged in.
pub async fn an_update_of_a_removed_session_brings_nothing_back(store: &dyn SessionStore) {
    let session = fresh::full_session();
    let hash = inserted(store, &session).await;
    assert!(store.remove(&hash).await.expect(WORKS));
    assert!(!store.update(&hash, &session, NOW).await.expect(WORKS));
    assert_eq!(found(store, &hash).await, None);
}

/// Use moves the idle time, and not the end.
pub async fn a_touch_keeps_a_session_alive_to_its_end(store: &dyn SessionStore) {
    let session = Session {
        ends_at: NOW.plus(2 * HOUR + MINUTE),
        ..fresh::session()
    };
    let hash = inserted(store, &session).await;
    for hours in 1..=2 {
        let at = NOW.plus(hours * (HOUR - MINUTE));
        assert!(store.touch(&hash, at).await.expect(WORKS), "{hours}");
        assert!(store.get(&hash, at.plus(MICRO)).await.expect(WORKS).is_some());
    }
    let end = session.ends_at;
    assert!(store.get(&hash, end.minus(MICRO)).await.expect(WORKS).is_some());
    assert_eq!(store.get(&hash, end).await.expect(WORKS), None);
}

/// An earlier time is passed over; the other fields stay.
pub async fn a_touch_moves_forward_only_and_changes_nothing_else(store: &dyn SessionStore) {
    let session = fresh::full_session();
    let hash = inserted(store, &session).await;
    let seen_at = NOW.plus(MINUTE / 2);
    for at in [seen_at, NOW, session.seen_at.minus(HOUR), seen_at] {
        assert!(store.touch(&hash, at).await.expect(WORKS));
        if at == seen_at {
            let expected = Session {
                seen_at,
                ..session.clone()
            };
            assert_eq!(found(store, &hash).await, Some(expected));
        }
    }
}

/// Nor does a use that was under way.
pub async fn a_touch_of_a_removed_session_brings_nothing_back(store: &dyn SessionStore) {
    let hash = inserted(store, &fresh::full_session()).await;
    assert!(store.remove(&hash).await.expect(WORKS));
    assert!(!store.touch(&hash, NOW).await.expect(WORKS));
    assert_eq!(found(store, &hash).await, None);
}

/// A second removal finds nothing; another session of the same user stays.
pub async fn a_removed_session_is_gone_and_the_others_are_not(store: &dyn SessionStore) {
    let session = fresh::full_session();
    let hash = inserted(store, &session).await;
    let other = inserted(store, &session).await;
    assert!(store.remove(&hash).await.expect(WORKS));
    assert!(!store.remove(&hash).await.expect(WORKS));
    assert_eq!(found(store, &hash).await, None);
    assert_eq!(found(store, &other).await.as_ref(), Some(&session));
    let user = session.user.expect("it has one");
    assert_eq!(store.remove_user(user).await.expect(WORKS), 1);
}
