//! The cases every adapter of [`SessionStore`](crate::SessionStore) and [`OneTimeStore`](crate::OneTimeStore) must
//! pass.
//!
//! Each case is a function over a port and works on tokens and names nobody else has: a store may hold other things,
//! and other cases may run on it at the same time. Its times lie in the year 2109, so that a server's own clock does
//! not end anything early. Two macros turn the cases into one test each:
//!
//! ```
//! # #[cfg(any())] // the tests a macro makes only exist in a test target
//! mod sessions {
//!     llmgw_sessions::session_store_contract!(futures_executor::block_on, (MySessions::connect(), ()));
//! }
//! ```
//!
//! The first argument is what runs a future to its end, on any thread. The second is an expression that gives the
//! adapter and something to keep until the test is over (a temporary folder, say); it may `return` to skip the test.

#![expect(clippy::expect_used, reason = "a case fails by panicking, like any test")]

pub mod agreement;
mod fresh;
pub mod logins;
pub mod one_time;
pub mod races;
pub mod sessions;

/// One test per case of [`contract::sessions`](crate::contract::sessions), [`contract::logins`](crate::contract::logins),
/// [`contract::agreement`](crate::contract::agreement) and those of [`contract::races`](crate::contract::races) that are about sessions.
#[macro_export]
macro_rules! session_store_contract {
    ($block_on:path, $make:expr) => {
        $crate::session_store_contract!(@cases sessions, $block_on, $make;
            an_inserted_session_is_found_as_it_was,
            a_session_with_nothing_optional_is_found_as_it_was,
            unknown_sessions_are_none,
            a_token_is_kept_once,
            a_session_is_over_at_its_end,
            a_session_is_over_when_it_was_idle,
            a_session_that_is_over_makes_room,
            an_update_replaces_all_fields,
            an_update_never_moves_seen_at_back,
            an_update_of_a_removed_session_brings_nothing_back,
            a_touch_keeps_a_session_alive_to_its_end,
            a_touch_moves_forward_only_and_changes_nothing_else,
            a_touch_of_a_removed_session_brings_nothing_back,
            a_removed_session_is_gone_and_the_others_are_not,
        );
        $crate::session_store_contract!(@cases logins, $block_on, $make;
            all_sessions_of_a_user_are_removed,
            an_update_changes_whose_session_it_is,
            all_sessions_of_a_name_id_are_removed,
            only_the_named_session_indexes_are_removed,
            issuers_name_ids_and_indexes_do_not_run_together,
        );
        $crate::session_store_contract!(@cases agreement, $block_on, $make;
            it_agrees_with_the_sessions_in_memory,
        );
        $crate::session_store_contract!(@races $block_on, $make;
            nothing_brings_a_removed_session_back,
            nothing_brings_a_session_of_a_removed_user_back,
            one_of_many_inserts_wins,
        );
    };
    (@cases $area:ident, $block_on:path, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (store, _keep) = $make;
                $block_on($crate::contract::$area::$case(&store));
            }
        )*
    };
    (@races $block_on:path, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (store, _keep) = $make;
                $crate::contract::races::$case(&store, &|task| $block_on(task));
            }
        )*
    };
}

/// One test per case of [`contract::one_time`](crate::contract::one_time) and those of
/// [`contract::races`](crate::contract::races) that are about values and used ids.
#[macro_export]
macro_rules! one_time_store_contract {
    ($block_on:path, $make:expr) => {
        $crate::session_store_contract!(@cases one_time, $block_on, $make;
            a_value_is_taken_as_it_was_and_once,
            unknown_values_are_none,
            a_value_is_gone_from_its_moment_on,
            a_late_taker_leaves_nothing_behind,
            a_value_replaces_another,
            kinds_of_values_are_apart,
            an_id_is_used_first_once,
            an_id_is_forgotten_from_its_moment_on,
            kinds_of_ids_are_apart,
            values_and_ids_are_apart,
        );
        $crate::session_store_contract!(@races $block_on, $make;
            one_of_many_takers_gets_the_value,
            one_of_many_is_the_first_to_use_an_id,
        );
    };
}
