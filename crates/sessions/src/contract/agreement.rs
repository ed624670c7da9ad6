//! Whether an adapter does what [`MemorySessions`] does, whatever is done in whatever order.

use std::hash::{BuildHasher, Hasher, RandomState};

use llmgw_types::{StoreError, Timestamp, UserId};

use super::fresh::{self, HOUR, MINUTE, NOW, WORKS};
use crate::{Login, MemorySessions, Session, SessionStore, TokenHash};

const STEPS: usize = 500;

struct World {
    random: u64,
    now: Timestamp,
    hashes: [TokenHash; 4],
    users: [UserId; 2],
    names: [String; 2],
}

/// The same 500 random steps on both; after each, both hold the same sessions.
///
/// # Panics
/// When they do not; the message has the seed and the step.
pub async fn it_agrees_with_the_sessions_in_memory(store: &dyn SessionStore) {
    let memory = &MemorySessions::default();
    let seed = RandomState::new().build_hasher().finish() | 1;
    let mut world = World {
        random: seed,
        now: NOW,
        hashes: std::array::from_fn(|_| fresh::hash()),
        users: std::array::from_fn(|_| fresh::user()),
        names: std::array::from_fn(|_| fresh::name()),
    };
    for step in 0..STEPS {
        let before = world.random;
        let here = world.act(store).await;
        world.random = before;
        let there = world.act(memory).await;
        assert_eq!(here, there, "seed {seed}, step {step}");
        for hash in &world.hashes {
            let both = (
                store.get(hash, world.now).await.expect(WORKS),
                memory.get(hash, world.now).await.expect(WORKS),
            );
            assert_eq!(both.0, both.1, "seed {seed}, step {step}");
        }
        let pass = world.below(4);
        world.now = world.now.plus(MINUTE * u32::try_from(pass).unwrap_or(0));
    }
}

impl World {
    // What a store says to a random step; nothing where it may say this or that.
    async fn act(&mut self, store: &dyn SessionStore) -> Option<bool> {
        let (kind, hash) = (self.below(12), self.hashes[self.below(4)]);
        let (session, user) = (self.session(), self.users[self.below(2)]);
        let login = self.login();
        let now = self.now;
        let live = store.get(&hash, now).await.expect(WORKS).is_some();
        match kind {
            0..5 => match store.insert(&hash, &session, now).await {
                Err(StoreError::Exists { .. }) => Some(false),
                inserted => inserted.map(|()| true).map(Some).expect(WORKS),
            },
            5..7 => Some(store.update(&hash, &session, now).await.expect(WORKS)),
            7..9 => {
                // Of one that is over meanwhile a store may say either.
                let seen_at = if live { session.seen_at } else { now };
                Some(store.touch(&hash, seen_at).await.expect(WORKS))
            }
            9 => {
                let removed = store.remove(&hash).await.expect(WORKS);
                live.then_some(removed)
            }
            10 => {
                store.remove_user(user).await.expect(WORKS);
                None
            }
            _ => {
                let indexes: Vec<String> = login.session_index.into_iter().collect();
                let removed = store.remove_login(&login.issuer, &login.name_id, &indexes);
                removed.await.expect(WORKS);
                None
            }
        }
    }

    fn session(&mut self) -> Session {
        let minutes = |count: usize| MINUTE * u32::try_from(count).unwrap_or(0);
        let (back, idle, lasts) = (self.below(4), self.below(40), self.below(90));
        Session {
            user: (self.below(3) > 0).then(|| self.users[self.below(2)]),
            login: (self.below(3) > 0).then(|| self.login()),
            seen_at: self.now.minus(minutes(back)),
            ..Session::new(self.now, minutes(lasts), minutes(idle).min(HOUR))
        }
    }

    fn login(&mut self) -> Login {
        let indexes = [None, Some("1"), Some("2")];
        let (issuer, name_id, index) = (self.below(2), self.below(2), indexes[self.below(3)]);
        fresh::login(&self.names[issuer], &self.names[name_id], index)
    }

    // xorshift64: any order of steps will do, and a seed repeats it.
    fn below(&mut self, most: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 33).unwrap_or(0) % most
    }
}
