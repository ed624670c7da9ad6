//! On the memory adapters.

use std::sync::Arc;

use futures_executor::block_on;
use llmgw_types::{Revision, Role};

use super::*;
use crate::testing::{Counting, NOW, Told};
use crate::{MemoryKeys, MemoryUsers, Pepper, UserState, UserStore};

const HOUR: Duration = Duration::from_hours(1);

fn service() -> KeyService {
    let users = MemoryUsers::default();
    for number in [1, 2] {
        block_on(users.insert(&person(number))).unwrap();
    }
    KeyService::new(
        Arc::new(MemoryKeys::default()),
        Arc::new(users),
        Pepper::new(&[7; 32]).unwrap(),
        Arc::new(Told::default()),
        Arc::new(Counting::default()),
    )
}

fn person(number: u8) -> User {
    User {
        id: UserId::new(NOW, [number; 10]),
        name: format!("person{number}"),
        external_id: None,
        mail: None,
        groups: Vec::new(),
        role: Role::User,
        state: UserState::Active,
        agreement: None,
        last_login_at: None,
        limits: Vec::new(),
        created_at: NOW,
        revision: Revision::default(),
    }
}

fn named(name: &str) -> NewOwnKey {
    NewOwnKey {
        name: name.to_owned(),
        ..NewOwnKey::default()
    }
}

#[test]
fn there_are_never_more_than_the_most() {
    let (service, ada) = (service(), person(1));
    let own = service.own(&ada, 2);
    block_on(async {
        let first = own.create(named("one"), NOW).await.unwrap();
        own.create(named("two"), NOW).await.unwrap();
        let refused = own.create(named("three"), NOW).await.unwrap_err();
        assert!(matches!(refused, KeyError::TooMany { most: 2 }), "{refused}");
        assert_eq!(own.list().await.unwrap().len(), 2);
        own.revoke(first.key.id).await.unwrap();
        own.create(named("three"), NOW).await.unwrap();
    });
}

#[test]
fn of_those_made_at_once_the_last_are_taken_back() {
    let (service, ada) = (service(), person(1));
    block_on(async {
        let own = service.own(&ada, 1);
        // Both saw room, as if they had looked at the same time.
        let wide = service.own(&ada, 9);
        let first = wide.create(named("one"), NOW).await.unwrap();
        let second = wide.create(named("two"), NOW.plus(HOUR)).await.unwrap();
        let kept = own.within_the_most(first, NOW).await.unwrap();
        assert_eq!(kept.key.name, "one");
        assert!(matches!(
            own.within_the_most(second, NOW).await,
            Err(KeyError::TooMany { most: 1 })
        ));
        assert_eq!(own.count(NOW).await.unwrap(), 1);
    });
}

#[test]
fn a_replaced_key_counts_no_more_though_it_goes_on() {
    let (service, ada) = (service(), person(1));
    let own = service.own(&ada, 1);
    block_on(async {
        let first = own.create(named("one"), NOW).await.unwrap().key.id;
        let second = own.rotate(first, HOUR, NOW).await.unwrap().key.id;
        assert_eq!(own.count(NOW).await.unwrap(), 1);
        assert!(is_usable(&own.get(first).await.unwrap(), NOW));
        // Not a way around the most: it has its successor.
        assert!(matches!(
            own.rotate(first, HOUR, NOW).await,
            Err(KeyError::TooMany { .. })
        ));
        own.revoke(second).await.unwrap();
        assert_eq!(own.count(NOW).await.unwrap(), 1, "what was replaced counts again");
        assert_eq!(own.count(NOW.plus(HOUR)).await.unwrap(), 0);
    });
}

#[test]
fn anothers_key_is_as_if_there_were_none() {
    let (service, ada, bob) = (service(), person(1), person(2));
    block_on(async {
        let key = service
            .own(&ada, 9)
            .create(named("one"), NOW)
            .await
            .unwrap()
            .key
            .id;
        let own = service.own(&bob, 9);
        assert!(own.list().await.unwrap().is_empty());
        let missing = |result: Result<(), KeyError>| matches!(result, Err(KeyError::NotFound));
        assert!(missing(own.get(key).await.map(drop)));
        assert!(missing(own.rename(key, "mine", NOW).await.map(drop)));
        assert!(missing(own.rotate(key, HOUR, NOW).await.map(drop)));
        assert!(missing(own.revoke(key).await.map(drop)));
        let kept = service.own(&ada, 9).get(key).await.unwrap();
        assert_eq!((kept.name.as_str(), kept.state), ("one", KeyState::Active));
    });
}

#[test]
fn names_are_checked_and_trimmed() {
    let (service, ada) = (service(), person(1));
    let own = service.own(&ada, 9);
    block_on(async {
        let key = own.create(named("  one "), NOW).await.unwrap().key;
        assert_eq!(key.name, "one");
        for bad in ["", "   ", "a\nb", &"n".repeat(129)] {
            assert!(matches!(
                own.create(named(bad), NOW).await,
                Err(KeyError::Invalid(_))
            ));
            assert!(matches!(
                own.rename(key.id, bad, NOW).await,
                Err(KeyError::Invalid(_))
            ));
        }
        assert_eq!(own.rename(key.id, " two", NOW).await.unwrap().name, "two");
        own.revoke(key.id).await.unwrap();
        assert!(own.rename(key.id, "three", NOW).await.is_err());
    });
}
