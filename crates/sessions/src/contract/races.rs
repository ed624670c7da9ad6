//! What holds when many do the same at the same time, each on a thread of its own.

use std::pin::Pin;
use std::sync::Barrier;

use llmgw_types::StoreError;

use super::fresh::{self, NOW, WORKS, found, inserted};
use super::one_time;
use crate::{OneTimeStore, SessionStore};

const MANY: usize = 64;
const ROUNDS: usize = 20;

type Task<'a> = Pin<Box<dyn Future<Output = usize> + Send + 'a>>;

/// What runs a future to its end.
pub type BlockOn<'a> = &'a (dyn Fn(Task<'_>) -> usize + Sync);

/// A removal ends the session for good, whatever updates and touches are under way.
///
/// # Panics
/// When it does not.
pub fn nothing_brings_a_removed_session_back(store: &dyn SessionStore, block_on: BlockOn<'_>) {
    removal_wins(store, block_on, |_, hash| {
        Box::pin(async move { usize::from(store.remove(&hash).await.expect(WORKS)) })
    });
}

/// The same for all sessions of a user at once.
///
/// # Panics
/// When it does not hold.
pub fn nothing_brings_a_session_of_a_removed_user_back(store: &dyn SessionStore, block_on: BlockOn<'_>) {
    removal_wins(store, block_on, |session, _| {
        let user = session.user.expect("it has one");
        Box::pin(async move { usize::from(store.remove_user(user).await.expect(WORKS) == 1) })
    });
}

/// The others are told that there is one already.
///
/// # Panics
/// When none or several win.
pub fn one_of_many_inserts_wins(store: &dyn SessionStore, block_on: BlockOn<'_>) {
    let hash = fresh::hash();
    let won = together(MANY, block_on, |_| {
        Box::pin(async {
            match store.insert(&hash, &fresh::full_session(), NOW).await {
                Err(StoreError::Exists { .. }) => 0,
                inserted => {
                    inserted.expect(WORKS);
                    1
                }
            }
        })
    });
    assert_eq!(won, 1);
}

/// The others get nothing.
///
/// # Panics
/// When none or several get it.
pub fn one_of_many_takers_gets_the_value(store: &dyn OneTimeStore, block_on: BlockOn<'_>) {
    let hash = &fresh::hash();
    let put = || async {
        one_time::put(store, "log-in", hash, b"value").await;
        0
    };
    block_on(Box::pin(put()));
    let taken = together(MANY, block_on, |_| {
        Box::pin(async { usize::from(one_time::take(store, "log-in", hash, NOW).await.is_some()) })
    });
    assert_eq!(taken, 1);
}

/// The others use it again.
///
/// # Panics
/// When none or several are first.
pub fn one_of_many_is_the_first_to_use_an_id(store: &dyn OneTimeStore, block_on: BlockOn<'_>) {
    let id = &fresh::name();
    let first = together(MANY, block_on, |_| {
        Box::pin(async { usize::from(one_time::first(store, "assertion", id, NOW).await) })
    });
    assert_eq!(first, 1);
}

fn removal_wins<'a>(
    store: &'a dyn SessionStore,
    block_on: BlockOn<'_>,
    remove: impl Fn(&crate::Session, crate::TokenHash) -> Task<'a> + Sync,
) {
    for _ in 0..ROUNDS {
        let session = &fresh::full_session();
        let inserted = std::sync::OnceLock::new();
        block_on(Box::pin(async {
            usize::from(inserted.set(self::inserted(store, session).await).is_ok())
        }));
        let hash = *inserted.get().expect("it was inserted");
        // Of three that change it and one that removes it.
        let removed = together(4, block_on, |thread| match thread {
            0 => remove(session, hash),
            1 => Box::pin(async move {
                store.touch(&hash, NOW).await.expect(WORKS);
                0
            }),
            _ => Box::pin(async move {
                store.update(&hash, session, NOW).await.expect(WORKS);
                0
            }),
        });
        assert_eq!(removed, 1);
        let left = async { usize::from(found(store, &hash).await.is_some()) };
        assert_eq!(block_on(Box::pin(left)), 0, "it came back");
    }
}

// As many threads as asked for begin as one; the sum of what they say.
fn together<'a>(threads: usize, block_on: BlockOn<'_>, task: impl Fn(usize) -> Task<'a> + Sync) -> usize {
    let begin = &Barrier::new(threads);
    let task = &task;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    begin.wait();
                    block_on(task(thread))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a racing thread ends well"))
            .sum()
    })
}
