//! How every [`SessionStore`] finds the sessions of a user or of a log-in.

use llmgw_types::UserId;

use super::fresh::{self, NOW, WORKS, found, inserted, login};
use crate::{Login, Session, SessionStore, TokenHash};

/// Each of them, and nobody else's.
pub async fn all_sessions_of_a_user_are_removed(store: &dyn SessionStore) {
    let user = fresh::user();
    let mut mine = Vec::new();
    for _ in 0..5 {
        mine.push(of_user(store, Some(user)).await);
    }
    let others = [
        of_user(store, Some(fresh::user())).await,
        of_user(store, None).await,
    ];
    assert_eq!(store.remove_user(user).await.expect(WORKS), 5);
    for hash in &mine {
        assert_eq!(found(store, hash).await, None);
    }
    for hash in &others {
        assert!(found(store, hash).await.is_some());
    }
    assert_eq!(store.remove_user(user).await.expect(WORKS), 0);
}

/// The former user and log-in lead to it no more, the new ones do.
pub async fn an_update_changes_whose_session_it_is(store: &dyn SessionStore) {
    let (before, after) = (fresh::full_session(), fresh::full_session());
    let hash = inserted(store, &before).await;
    assert!(store.update(&hash, &after, NOW).await.expect(WORKS));
    let (old, new) = (login_of(&before), login_of(&after));
    assert_eq!(remove(store, old, &[]).await, 0);
    assert_eq!(remove(store, old, &[index_of(old)]).await, 0);
    assert_eq!(store.remove_user(user_of(&before)).await.expect(WORKS), 0);
    assert!(found(store, &hash).await.is_some());
    assert_eq!(remove(store, new, &[index_of(new)]).await, 1);
    assert_eq!(store.remove_user(user_of(&after)).await.expect(WORKS), 0);
    assert_eq!(found(store, &hash).await, None);
}

/// Without an index all go, also those that have none; other people's and other providers' stay.
pub async fn all_sessions_of_a_name_id_are_removed(store: &dyn SessionStore) {
    let (issuer, name_id, other) = (fresh::name(), fresh::name(), fresh::name());
    let mine = [
        of_login(store, login(&issuer, &name_id, None)).await,
        of_login(store, login(&issuer, &name_id, Some("1"))).await,
        of_login(store, login(&issuer, &name_id, Some("2"))).await,
    ];
    let others = [
        of_login(store, login(&issuer, &other, Some("1"))).await,
        of_login(store, login(&other, &name_id, Some("1"))).await,
        of_user(store, None).await,
    ];
    assert_eq!(remove(store, &login(&issuer, &name_id, None), &[]).await, 3);
    for hash in &mine {
        assert_eq!(found(store, hash).await, None);
    }
    for hash in &others {
        assert!(found(store, hash).await.is_some());
    }
}

/// Several may be named, each counts once, and one that nobody has is no error. A session without an index is not
/// meant by any.
pub async fn only_the_named_session_indexes_are_removed(store: &dyn SessionStore) {
    let (issuer, name_id) = (fresh::name(), fresh::name());
    let one = of_login(store, login(&issuer, &name_id, Some("1"))).await;
    let twin = of_login(store, login(&issuer, &name_id, Some("1"))).await;
    let two = of_login(store, login(&issuer, &name_id, Some("2"))).await;
    let three = of_login(store, login(&issuer, &name_id, Some("3"))).await;
    let none = of_login(store, login(&issuer, &name_id, None)).await;
    let stranger = of_login(store, login(&issuer, &fresh::name(), Some("1"))).await;
    let named = ["2", "9", "1", "1", ""].map(str::to_owned);
    assert_eq!(remove(store, &login(&issuer, &name_id, None), &named).await, 3);
    for hash in [&one, &twin, &two] {
        assert_eq!(found(store, hash).await, None);
    }
    for hash in [&three, &none, &stranger] {
        assert!(found(store, hash).await.is_some());
    }
    assert_eq!(remove(store, &login(&issuer, &name_id, None), &[]).await, 2);
}

/// Where one text ends and the next begins matters, and so does case.
pub async fn issuers_name_ids_and_indexes_do_not_run_together(store: &dyn SessionStore) {
    let issuer = fresh::name();
    let hash = of_login(store, login(&issuer, "1:ab", Some("1:c"))).await;
    let longer = format!("{issuer}1");
    for (issuer, name_id, index) in [
        (longer.as_str(), ":ab", "1:c"),
        (&issuer, "1:a", "b1:c"),
        (&issuer, "1:ab1", ":c"),
        (&issuer, "1:AB", "1:c"),
        (&issuer, "1:ab", "1:C"),
        (&issuer, "1:ab", "%"),
    ] {
        let other = login(issuer, name_id, None);
        assert_eq!(remove(store, &other, &[index.to_owned()]).await, 0, "{other:?}");
        if name_id != "1:ab" {
            assert_eq!(remove(store, &other, &[]).await, 0, "{other:?}");
        }
    }
    assert!(found(store, &hash).await.is_some());
    let exact = login(&issuer, "1:ab", None);
    assert_eq!(remove(store, &exact, &["1:c".to_owned()]).await, 1);
}

async fn of_user(store: &dyn SessionStore, user: Option<UserId>) -> TokenHash {
    let session = Session {
        user,
        ..fresh::session()
    };
    inserted(store, &session).await
}

async fn of_login(store: &dyn SessionStore, login: Login) -> TokenHash {
    let session = Session {
        user: Some(fresh::user()),
        login: Some(login),
        ..fresh::session()
    };
    inserted(store, &session).await
}

async fn remove(store: &dyn SessionStore, login: &Login, indexes: &[String]) -> u64 {
    let removed = store.remove_login(&login.issuer, &login.name_id, indexes);
    removed.await.expect(WORKS)
}

fn login_of(session: &Session) -> &Login {
    session.login.as_ref().expect("it has one")
}

fn index_of(login: &Login) -> String {
    login.session_index.clone().expect("it has one")
}

fn user_of(session: &Session) -> UserId {
    session.user.expect("it has one")
}
