//! On the memory adapters.

use futures_executor::block_on;

use super::*;
use crate::MemoryUsers;
use crate::testing::{Counting, NOW, Told};

struct World {
    users: Arc<MemoryUsers>,
    told: Arc<Told>,
    people: People,
}

fn world() -> World {
    let (users, told) = (Arc::new(MemoryUsers::default()), Arc::new(Told::default()));
    World {
        people: People::new(users.clone(), told.clone(), Arc::new(Counting::default())),
        users,
        told,
    }
}

fn ada(groups: &[&str], role: Option<Role>) -> Arrival {
    Arrival {
        external_id: "https://idp.example ada@example.org".to_owned(),
        name: "ada@example.org".to_owned(),
        mail: Some("ada@example.org".to_owned()),
        groups: groups
            .iter()
            .map(|name| GroupName::parse(name).unwrap())
            .collect(),
        role,
    }
}

fn user(arrived: Arrived) -> User {
    match arrived {
        Arrived::In(user) => user,
        Arrived::Suspended => panic!("suspended"),
    }
}

#[test]
fn who_comes_again_is_the_same_person() {
    let world = world();
    block_on(async {
        let first = user(
            world
                .people
                .arrive(ada(&["b", "a", "b"], None), NOW)
                .await
                .unwrap(),
        );
        assert_eq!(first.groups, ada(&["a", "b"], None).groups);
        assert_eq!(first.last_login_at, Some(NOW));
        world.people.accept(first.id, "v1").await.unwrap();
        let told = world.told.0.lock().unwrap().len();

        let later = NOW.plus(std::time::Duration::from_secs(1));
        let again = user(world.people.arrive(ada(&["a", "b"], None), later).await.unwrap());
        assert_eq!((again.id, again.created_at), (first.id, NOW));
        assert_eq!(again.agreement.as_deref(), Some("v1"));
        assert_eq!(again.last_login_at, Some(later));
        assert_eq!(
            world.told.0.lock().unwrap().len(),
            told,
            "nothing changed for gateways"
        );

        user(world.people.arrive(ada(&["a"], None), later).await.unwrap());
        assert_eq!(world.told.0.lock().unwrap().last(), Some(&Change::User(first.id)));
    });
}

#[test]
fn the_institutions_word_on_a_role_counts_where_it_says_one() {
    let world = world();
    block_on(async {
        let role = async |said| user(world.people.arrive(ada(&[], said), NOW).await.unwrap()).role;
        assert_eq!(role(Some(Role::Admin)).await, Role::Admin);
        assert_eq!(role(None).await, Role::Admin);
        assert_eq!(role(Some(Role::User)).await, Role::User);
    });
}

#[test]
fn a_suspended_person_is_not_let_in_and_not_changed() {
    let world = world();
    block_on(async {
        let mut suspended = user(world.people.arrive(ada(&[], None), NOW).await.unwrap());
        suspended.state = UserState::Suspended;
        world.users.update(&suspended).await.unwrap();
        suspended.revision = suspended.revision.next();
        let arrived = world.people.arrive(ada(&["new"], None), NOW).await.unwrap();
        assert_eq!(arrived, Arrived::Suspended);
        assert_eq!(
            world.users.get(suspended.id).await.unwrap(),
            Some(suspended.clone())
        );
        assert_eq!(world.people.active(suspended.id).await.unwrap(), None);
    });
}

#[test]
fn a_name_that_is_taken_is_not_the_same_person() {
    let world = world();
    block_on(async {
        let local = world
            .people
            .local("ada@example.org", Role::User, NOW)
            .await
            .unwrap();
        let arrived = user(world.people.arrive(ada(&[], None), NOW).await.unwrap());
        assert_ne!(arrived.id, local.id);
        assert!(arrived.name.starts_with("ada@example.org ("), "{}", arrived.name);
        let again = user(world.people.arrive(ada(&[], None), NOW).await.unwrap());
        assert_eq!(again.id, arrived.id);
    });
}
