//! The cases every adapter of [`KeyStore`](crate::KeyStore) and [`UserStore`](crate::UserStore) must pass.
//!
//! Each case is a function over a port and works on ids nobody else has: a store may hold other things, and
//! other cases may run on it at the same time. Two macros turn the cases into one test each:
//!
//! ```
//! # #[cfg(any())] // the tests a macro makes only exist in a test target
//! mod keys {
//!     llmgw_keys::key_store_contract!(futures_executor::block_on, (MyKeys::connect(), ()));
//! }
//! ```
//!
//! The first argument is what runs a future to its end. The second is an expression that gives the adapter
//! and something to keep until the test is over (a temporary folder, say); it may `return` to skip the test.

#![expect(clippy::expect_used, reason = "a case fails by panicking, like any test")]

mod fresh;
pub mod keys;
pub mod users;

/// One test per case of [`contract::keys`](crate::contract::keys).
#[macro_export]
macro_rules! key_store_contract {
    ($block_on:path, $make:expr) => {
        $crate::key_store_contract!(@cases $block_on, $make;
            an_inserted_key_is_found_as_it_was,
            a_key_with_nothing_optional_is_found_as_it_was,
            unknown_keys_are_none,
            an_id_or_a_hash_is_kept_once,
            an_update_replaces_all_fields,
            an_updated_hash_is_the_one_that_finds,
            an_update_keeps_hashes_unique,
            an_update_of_an_unknown_key_is_missing,
            an_update_of_what_was_changed_meanwhile_is_refused,
            a_revoked_key_stays_revoked,
            a_touch_moves_forward_only,
            a_touch_changes_nothing_else,
            lists_have_one_owner_in_order_and_in_pages,
            lists_of_everybody_are_in_order,
        );
    };
    (@cases $block_on:path, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (store, _keep) = $make;
                $block_on($crate::contract::keys::$case(&store));
            }
        )*
    };
}

/// One test per case of [`contract::users`](crate::contract::users).
#[macro_export]
macro_rules! user_store_contract {
    ($block_on:path, $make:expr) => {
        $crate::user_store_contract!(@cases $block_on, $make;
            an_inserted_user_is_found_as_it_was,
            a_user_with_nothing_optional_is_found_as_it_was,
            unknown_users_are_none,
            names_are_compared_exactly,
            an_id_a_name_and_an_external_id_are_kept_once,
            many_users_have_no_external_id,
            an_update_replaces_all_fields,
            an_update_frees_the_old_names,
            an_update_keeps_names_unique,
            an_update_of_an_unknown_user_is_missing,
            an_update_of_what_was_changed_meanwhile_is_refused,
            a_search_finds_names_and_mail,
            lists_are_in_order_and_in_pages,
        );
    };
    (@cases $block_on:path, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (store, _keep) = $make;
                $block_on($crate::contract::users::$case(&store));
            }
        )*
    };
}
