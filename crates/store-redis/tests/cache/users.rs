//! Users.

use std::sync::Arc;
use std::time::Duration;

use llmgw_keys::{MemoryUsers, User, UserState, UserStore};
use llmgw_store_redis::{CachedUsers, RedisFeed};
use llmgw_types::{Change, ChangeFeed, Revision, Role, StoreError, Timestamp, UserId};

use super::shaky::Shaky;
use crate::server;

mod contract {
    use std::sync::Arc;

    use llmgw_keys::MemoryUsers;
    use llmgw_store_redis::CachedUsers;

    use crate::server;

    llmgw_keys::user_store_contract!(
        server::block_on,
        (
            CachedUsers::new(server::open(&server::options()), Arc::new(MemoryUsers::default())),
            ()
        )
    );
}

#[test]
fn a_user_is_read_once_and_anew_after_a_change_and_known_while_the_store_is_away() {
    let options = server::options();
    let store = Arc::new(Shaky::<MemoryUsers>::default());
    let user = User {
        id: UserId::from_bytes([3; 16]),
        name: "ada".to_owned(),
        external_id: None,
        mail: None,
        groups: Vec::new(),
        role: Role::User,
        state: UserState::Active,
        agreement: None,
        last_login_at: None,
        limits: Vec::new(),
        created_at: Timestamp::from_millis(5),
        revision: Revision::default(),
    };
    let gateway = CachedUsers::new(server::open(&options), store.clone());
    let feed = RedisFeed::new(server::open(&options));
    server::block_on(async {
        assert_eq!(gateway.get(user.id).await.unwrap(), None);
        store.inner.insert(&user).await.unwrap();
        for _ in 0..3 {
            assert_eq!(gateway.get(user.id).await.unwrap().as_ref(), Some(&user));
        }
        assert_eq!(store.asked(), 2);

        let suspended = User {
            state: UserState::Suspended,
            ..user.clone()
        };
        store.inner.update(&suspended).await.unwrap();
        let suspended = User {
            revision: suspended.revision.next(),
            ..suspended
        };
        feed.publish(Change::User(user.id)).await.unwrap();
        assert_eq!(gateway.get(user.id).await.unwrap().as_ref(), Some(&suspended));

        server::grow_older(&options.prefix, b"u", Duration::from_secs(3_600));
        store.set_away(true);
        assert_eq!(gateway.get(user.id).await.unwrap(), Some(suspended));
        let unknown = gateway.get(UserId::from_bytes([4; 16])).await;
        assert!(
            matches!(unknown, Err(StoreError::Unavailable { .. })),
            "{unknown:?}"
        );
    });
}
