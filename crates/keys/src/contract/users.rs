//! What every [`UserStore`] does.

use llmgw_types::{GroupName, Limit, Role, StoreError, Timestamp, Unit, UserId, Window};

use super::fresh;
use crate::{Page, User, UserState, UserStore};

const WORKS: &str = "the store answers";

/// All fields survive, also those with many values and odd text.
pub async fn an_inserted_user_is_found_as_it_was(store: &dyn UserStore) {
    for role in [Role::User, Role::Auditor, Role::Admin] {
        let user = inserted(store, User { role, ..full_user() }).await;
        assert_eq!(store.get(user.id).await.expect(WORKS).as_ref(), Some(&user));
        assert_eq!(
            store.by_name(&user.name).await.expect(WORKS).as_ref(),
            Some(&user)
        );
        assert_eq!(by_account(store, &user).await, Some(user));
    }
}

/// Absent fields come back absent.
pub async fn a_user_with_nothing_optional_is_found_as_it_was(store: &dyn UserStore) {
    let user = inserted(store, fresh::user()).await;
    assert_eq!(store.get(user.id).await.expect(WORKS), Some(user));
}

/// Absence is no error.
pub async fn unknown_users_are_none(store: &dyn UserStore) {
    assert_eq!(store.get(fresh::user_id()).await.expect(WORKS), None);
    assert_eq!(store.by_name(&fresh::name()).await.expect(WORKS), None);
    assert_eq!(store.by_external_id(&fresh::name()).await.expect(WORKS), None);
}

/// Case, blanks and what would be a pattern elsewhere make another name; a name is no external id.
pub async fn names_are_compared_exactly(store: &dyn UserStore) {
    let name = format!("Ada-{}", fresh::name());
    let account = format!("idp!Ada-{}", fresh::name());
    let user = User {
        name: name.clone(),
        external_id: Some(account.clone()),
        ..fresh::user()
    };
    let user = inserted(store, user).await;
    let others = |text: &str| {
        [
            text.to_lowercase(),
            format!("{text} "),
            format!(" {text}"),
            "Ada%".to_owned(),
            String::new(),
        ]
    };
    for other in others(&name).into_iter().chain([account.clone()]) {
        assert_ne!(
            store.by_name(&other).await.expect(WORKS).as_ref(),
            Some(&user),
            "{other}"
        );
    }
    for other in others(&account).into_iter().chain([name.clone()]) {
        assert_ne!(
            store.by_external_id(&other).await.expect(WORKS).as_ref(),
            Some(&user),
            "{other}"
        );
    }
    inserted(
        store,
        User {
            name: name.to_lowercase(),
            ..fresh::user()
        },
    )
    .await;
    assert_eq!(store.by_name(&name).await.expect(WORKS), Some(user));
}

/// A second user with the same id, name or external id is refused and leaves the first as it was.
pub async fn an_id_a_name_and_an_external_id_are_kept_once(store: &dyn UserStore) {
    let user = inserted(store, full_user()).await;
    let twins = [
        User {
            id: user.id,
            ..fresh::user()
        },
        User {
            name: user.name.clone(),
            ..fresh::user()
        },
        User {
            external_id: user.external_id.clone(),
            ..fresh::user()
        },
    ];
    for twin in &twins {
        let refused = store.insert(twin).await;
        assert!(matches!(refused, Err(StoreError::Exists { .. })), "{refused:?}");
    }
    assert_eq!(store.get(twins[1].id).await.expect(WORKS), None);
    assert_eq!(store.get(twins[2].id).await.expect(WORKS), None);
    assert_eq!(store.get(user.id).await.expect(WORKS), Some(user));
}

/// Having no external id is not an external id.
pub async fn many_users_have_no_external_id(store: &dyn UserStore) {
    let one = inserted(store, fresh::user()).await;
    let two = inserted(store, full_user()).await;
    let two = User {
        external_id: None,
        ..two
    };
    updated(store, two).await;
    updated(store, one).await;
}

/// Nothing of the former user is left.
pub async fn an_update_replaces_all_fields(store: &dyn UserStore) {
    let before = inserted(store, full_user()).await;
    let after = User {
        id: before.id,
        ..fresh::user()
    };
    let after = updated(store, after).await;
    let again = User {
        id: before.id,
        name: after.name,
        revision: after.revision,
        ..full_user()
    };
    let again = updated(store, again).await;
    // To what is there already is a change as well.
    updated(store, again).await;
}

/// Whoever changes what somebody else changed meanwhile is told so, and changes nothing.
pub async fn an_update_of_what_was_changed_meanwhile_is_refused(store: &dyn UserStore) {
    let read = inserted(store, full_user()).await;
    let in_state = |state| User {
        state,
        ..read.clone()
    };
    let first = updated(store, in_state(UserState::Erased)).await;
    let second = store.update(&in_state(UserState::Active)).await;
    assert!(matches!(second, Err(StoreError::Changed { .. })), "{second:?}");
    assert_eq!(store.get(read.id).await.expect(WORKS).as_ref(), Some(&first));
    updated(store, first).await;
}

/// A part of a name or of a mail address finds its user, and nothing in it is a pattern.
pub async fn a_search_finds_names_and_mail(store: &dyn UserStore) {
    let mark = fresh::name();
    let named = User {
        name: format!("Grace.*{mark}%_"),
        ..fresh::user()
    };
    let written = User {
        mail: Some(format!("{mark}@Example.org")),
        ..fresh::user()
    };
    let (named, written) = (inserted(store, named).await, inserted(store, written).await);
    inserted(store, fresh::user()).await;
    let ids = [named.id, written.id];
    assert_eq!(found(store, &mark, None, 9).await, ids);
    assert_eq!(found(store, &mark.to_uppercase(), None, 1).await, ids[..1]);
    assert_eq!(found(store, &mark, Some(ids[0]), 9).await, ids[1..]);
    assert_eq!(found(store, &format!("grace.*{mark}%_"), None, 9).await, ids[..1]);
    assert_eq!(found(store, &format!("{mark}@example"), None, 9).await, ids[1..]);
    for pattern in [
        format!("g.*{mark}"),
        format!("{mark}%"),
        format!("_{mark}"),
        format!("x{mark}"),
    ] {
        let some = found(store, &pattern, None, 9).await;
        let literal = named.name.contains(&pattern);
        assert_eq!(!some.is_empty(), literal, "{pattern}");
    }
}

/// A former name or external id finds nobody, and another user may take it.
pub async fn an_update_frees_the_old_names(store: &dyn UserStore) {
    let before = inserted(store, full_user()).await;
    store
        .update(&User {
            id: before.id,
            ..fresh::user()
        })
        .await
        .expect(WORKS);
    assert_eq!(store.by_name(&before.name).await.expect(WORKS), None);
    assert_eq!(by_account(store, &before).await, None);
    let heir = inserted(
        store,
        User {
            id: fresh::user_id(),
            ..before
        },
    )
    .await;
    assert_eq!(by_account(store, &heir).await, Some(heir));
}

/// A name or external id cannot be taken from another user.
pub async fn an_update_keeps_names_unique(store: &dyn UserStore) {
    let one = inserted(store, full_user()).await;
    let two = inserted(store, full_user()).await;
    let thieves = [
        User {
            name: one.name.clone(),
            ..two.clone()
        },
        User {
            external_id: one.external_id.clone(),
            ..two.clone()
        },
    ];
    for thief in &thieves {
        let refused = store.update(thief).await;
        assert!(matches!(refused, Err(StoreError::Exists { .. })), "{refused:?}");
    }
    assert_eq!(store.by_name(&one.name).await.expect(WORKS), Some(one));
    assert_eq!(store.get(two.id).await.expect(WORKS), Some(two));
}

/// An update makes no user.
pub async fn an_update_of_an_unknown_user_is_missing(store: &dyn UserStore) {
    let user = fresh::user();
    let refused = store.update(&user).await;
    assert!(matches!(refused, Err(StoreError::Missing { .. })), "{refused:?}");
    assert_eq!(store.get(user.id).await.expect(WORKS), None);
}

/// Pages follow each other without gaps and without repeats, in order of id.
pub async fn lists_are_in_order_and_in_pages(store: &dyn UserStore) {
    let before_all = fresh::user_id();
    let wanted: Vec<UserId> = (0..5).map(|_| fresh::user_id()).collect();
    for at in [3, 0, 4, 2, 1] {
        inserted(
            store,
            User {
                id: wanted[at],
                ..fresh::user()
            },
        )
        .await;
    }
    let (mut seen, mut after) = (Vec::new(), Some(before_all));
    while seen.last() < wanted.last() {
        let ids = page(store, after, 2).await;
        assert!(!ids.is_empty() && ids.len() <= 2, "{ids:?} after {after:?}");
        after = ids.last().copied();
        seen.extend(ids);
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    seen.retain(|id| wanted.contains(id));
    assert_eq!(seen, wanted);
    assert_eq!(page(store, Some(before_all), 0).await, []);
    assert!(page(store, None, 1).await.len() == 1);
}

async fn inserted(store: &dyn UserStore, user: User) -> User {
    store.insert(&user).await.expect(WORKS);
    user
}

// As it is there now.
async fn updated(store: &dyn UserStore, user: User) -> User {
    store.update(&user).await.expect(WORKS);
    let revision = user.revision.next();
    let kept = User { revision, ..user };
    assert_eq!(store.get(kept.id).await.expect(WORKS).as_ref(), Some(&kept));
    kept
}

async fn found(store: &dyn UserStore, search: &str, after: Option<UserId>, limit: usize) -> Vec<UserId> {
    let users = store
        .list(Some(search), Page { after, limit })
        .await
        .expect(WORKS);
    users.iter().map(|user| user.id).collect()
}

async fn by_account(store: &dyn UserStore, user: &User) -> Option<User> {
    store
        .by_external_id(user.external_id.as_deref().unwrap_or_default())
        .await
        .expect(WORKS)
}

async fn page(store: &dyn UserStore, after: Option<UserId>, limit: usize) -> Vec<UserId> {
    let users = store.list(None, Page { after, limit }).await.expect(WORKS);
    users.iter().map(|user| user.id).collect()
}

fn full_user() -> User {
    let group = |text| GroupName::parse(text).expect("a group name");
    User {
        external_id: Some(format!("https://idp.example/métadata!{}", fresh::name())),
        mail: Some("ada+\"x\"@example.org".to_owned()),
        groups: vec![group("cn=a,ou=b"), group("staff 'x'")],
        state: UserState::Suspended,
        agreement: Some("2026-11".to_owned()),
        last_login_at: Some(Timestamp::from_micros(1_800_000_000_654_321)),
        limits: vec![Limit::new(Unit::Tokens, Window::Day, 1 << 53).expect("a limit")],
        ..fresh::user()
    }
}
