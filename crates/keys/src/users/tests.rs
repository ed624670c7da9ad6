//! On the memory adapters.

use futures_executor::block_on;
use llmgw_types::StoreError;

use super::*;
use crate::testing::{Counting, NOW, Told};
use crate::{KeyService, KeyText, MemoryKeys, MemoryUsers, NewKey, Pepper};

struct World {
    told: Arc<Told>,
    keys: KeyService,
    users: UserService,
}

fn world() -> World {
    let (users, keys) = (Arc::new(MemoryUsers::default()), Arc::new(MemoryKeys::default()));
    let (told, entropy) = (Arc::new(Told::default()), Arc::new(Counting::default()));
    let pepper = Pepper::new(&[1; 32]).unwrap();
    World {
        keys: KeyService::new(keys.clone(), users.clone(), pepper, told.clone(), entropy.clone()),
        users: UserService::new(users, keys, told.clone(), entropy),
        told,
    }
}

fn ada(world: &World) -> User {
    let new = NewUser {
        name: "ada".to_owned(),
        mail: Some("ada@example.org".to_owned()),
        groups: ["b", "a", "b"]
            .map(|name| GroupName::parse(name).unwrap())
            .to_vec(),
        ..NewUser::default()
    };
    block_on(world.users.create(new, NOW)).unwrap()
}

fn key(world: &World, owner: &str) -> ApiKey {
    let new = NewKey {
        owner: owner.to_owned(),
        name: "ada's laptop".to_owned(),
        text: Some(KeyText::generate(random(&Counting::default()))),
        ..NewKey::default()
    };
    block_on(world.keys.create(new, NOW)).unwrap().key
}

#[test]
fn a_user_is_made_once_with_groups_in_order() {
    let world = world();
    let user = ada(&world);
    assert_eq!(user.groups.len(), 2);
    assert!(user.groups.is_sorted());
    assert_eq!(block_on(world.users.find("ada")).unwrap(), user);
    assert_eq!(block_on(world.users.find(&user.id.to_string())).unwrap(), user);
    let again = NewUser {
        name: "ada".to_owned(),
        ..NewUser::default()
    };
    let refused = block_on(world.users.create(again, NOW));
    assert!(
        matches!(refused, Err(KeyError::Store(StoreError::Exists { .. }))),
        "{refused:?}"
    );
    let nobody = block_on(world.users.create(NewUser::default(), NOW));
    assert!(matches!(nobody, Err(KeyError::Invalid(_))), "{nobody:?}");
    assert!(matches!(block_on(world.users.find("bob")), Err(KeyError::NoUser)));
}

#[test]
fn whoever_saw_another_revision_changes_nothing() {
    let world = world();
    let user = ada(&world);
    let suspend = |user: &mut User| {
        user.state = UserState::Suspended;
        Ok(())
    };
    let first = block_on(world.users.change(user.id, Some(user.revision), suspend)).unwrap();
    assert_eq!(first.revision, user.revision.next());
    assert_eq!(world.told.0.lock().unwrap().last(), Some(&Change::User(user.id)));
    let rename = |user: &mut User| {
        user.name = "eve".to_owned();
        Ok(())
    };
    let second = block_on(world.users.change(user.id, Some(user.revision), rename));
    assert!(matches!(second, Err(KeyError::Changed)), "{second:?}");
    assert_eq!(block_on(world.users.get(user.id)).unwrap(), first);
    // Whoever saw nothing changes what is there.
    let third = block_on(world.users.change(user.id, None, rename)).unwrap();
    assert_eq!((third.state, third.name.as_str()), (UserState::Suspended, "eve"));
}

#[test]
fn a_key_is_changed_by_those_who_saw_it() {
    let world = world();
    ada(&world);
    let key = key(&world, "ada");
    let named = |name: &'static str| {
        move |key: &mut ApiKey| {
            key.name = name.to_owned();
            Ok(())
        }
    };
    let changed = block_on(world.keys.change(key.id, Some(key.revision), named("desk"))).unwrap();
    assert_eq!(block_on(world.keys.get(key.id)).unwrap(), changed);
    let late = block_on(world.keys.change(key.id, Some(key.revision), named("late")));
    assert!(matches!(late, Err(KeyError::Changed)), "{late:?}");
    let empty = block_on(world.keys.change(key.id, None, named(" ")));
    assert!(matches!(empty, Err(KeyError::Invalid(_))), "{empty:?}");
}

#[test]
fn of_an_erased_user_nothing_is_left_but_the_id() {
    let world = world();
    let user = ada(&world);
    let key = key(&world, "ada");
    let erased = block_on(world.users.erase(user.id, None)).unwrap();
    let kept = block_on(world.users.get(user.id)).unwrap();
    assert_eq!(kept, erased);
    let text = format!("{kept:?} {:?}", block_on(world.users.keys_of(user.id)).unwrap());
    assert!(!text.contains("ada") && !text.contains("laptop"), "{text}");
    assert_eq!(block_on(world.keys.get(key.id)).unwrap().state, KeyState::Revoked);
    assert!(world.told.0.lock().unwrap().contains(&Change::Key(key.id)));
    // Again changes nothing, and nobody brings them back.
    assert_eq!(block_on(world.users.erase(user.id, None)).unwrap(), erased);
    let back = block_on(world.users.change(user.id, None, |user| {
        user.state = UserState::Active;
        Ok(())
    }));
    assert!(matches!(back, Err(KeyError::Invalid(_))), "{back:?}");
    // The name is free.
    assert_ne!(ada(&world).id, user.id);
}
