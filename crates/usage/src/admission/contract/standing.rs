//! What every [`LimitStore`](crate::admission::LimitStore) does.

use llmgw_types::{GroupName, Limit, StoreError, Unit, Window};

use crate::admission::{GroupLimit, LimitStore, SetLimits};

const WORKS: &str = "the store answers";

/// One test per case of this [module](crate::admission::contract::standing). Each needs a store that nobody else uses.
#[macro_export]
macro_rules! limit_store_contract {
    ($block_on:path, $make:expr) => {
        $crate::limit_store_contract!(@cases $block_on, $make;
            nothing_is_set_at_first,
            what_is_set_is_found_as_it_was,
            whoever_did_not_see_the_last_change_sets_nothing,
            of_two_who_set_first_one_is_refused,
        );
    };
    (@cases $block_on:path, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (store, _keep) = $make;
                $block_on($crate::admission::contract::standing::$case(&store));
            }
        )*
    };
}

/// A store nobody set anything in says so.
pub async fn nothing_is_set_at_first(store: &dyn LimitStore) {
    assert_eq!(store.get().await.expect(WORKS), SetLimits::default());
}

/// All fields survive, unset and empty told apart; odd names and the largest numbers too.
pub async fn what_is_set_is_found_as_it_was(store: &dyn LimitStore) {
    let first = set(store, full()).await;
    let bare = SetLimits {
        everyone: Some(Vec::new()),
        each_user: None,
        groups: Vec::new(),
        ..first
    };
    set(store, bare).await;
}

/// The second of two who read the same is told so.
pub async fn whoever_did_not_see_the_last_change_sets_nothing(store: &dyn LimitStore) {
    let seen = set(store, full()).await;
    let last = set(store, SetLimits::default().at(&seen)).await;
    let late = store.set(&full().at(&seen)).await;
    assert!(matches!(late, Err(StoreError::Changed { .. })), "{late:?}");
    assert_eq!(store.get().await.expect(WORKS), last);
    set(store, last).await;
}

/// Also where there was nothing before.
pub async fn of_two_who_set_first_one_is_refused(store: &dyn LimitStore) {
    let first = set(store, full()).await;
    let late = store.set(&SetLimits::default()).await;
    assert!(matches!(late, Err(StoreError::Changed { .. })), "{late:?}");
    assert_eq!(store.get().await.expect(WORKS), first);
}

// As it is there now.
async fn set(store: &dyn LimitStore, limits: SetLimits) -> SetLimits {
    store.set(&limits).await.expect(WORKS);
    let revision = limits.revision.next();
    let kept = SetLimits { revision, ..limits };
    assert_eq!(store.get().await.expect(WORKS), kept);
    kept
}

impl SetLimits {
    fn at(self, seen: &Self) -> Self {
        Self {
            revision: seen.revision,
            ..self
        }
    }
}

fn full() -> SetLimits {
    let limit = |unit, window, amount| Limit::new(unit, window, amount).expect("a limit");
    let group = |name: &str| GroupLimit {
        group: GroupName::parse(name).expect("a group name"),
        each: vec![limit(Unit::Tokens, Window::Day, u64::MAX)],
        shared: vec![limit(Unit::InFlight, Window::None, 0)],
    };
    SetLimits {
        everyone: Some(vec![limit(Unit::Cost, Window::Month, 1)]),
        each_user: Some(Vec::new()),
        groups: vec![group("cn=staff, ou='x'"), group("a.b/$c")],
        ..SetLimits::default()
    }
}
