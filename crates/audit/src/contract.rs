//! The cases every adapter of [`AuditLog`](crate::AuditLog) must pass.
//!
//! Each case is a function over the port and works on chains and names nobody else has: a log may hold other
//! entries, and other cases may run on it at the same time. A macro turns the cases into one test each:
//!
//! ```
//! # #[cfg(any())] // the tests a macro makes only exist in a test target
//! llmgw_audit::audit_log_contract!(futures_executor::block_on, (MyAudit::connect(), ()));
//! ```
//!
//! The first argument is what runs a future to its end, on any thread. The second is an expression that gives the
//! adapter and something to keep until the test is over (a temporary folder, say); it may `return` to skip the test.

#![expect(clippy::expect_used, reason = "a case fails by panicking, like any test")]

pub mod append;
mod fresh;
pub mod list;
pub mod races;
pub mod read;

pub use fresh::{chain_of, first_of, next};

/// One test per case of [`contract::append`](crate::contract::append), [`contract::read`](crate::contract::read),
/// [`contract::list`](crate::contract::list) and [`contract::races`](crate::contract::races).
#[macro_export]
macro_rules! audit_log_contract {
    ($block_on:path, $make:expr) => {
        $crate::audit_log_contract!(@cases append, $block_on, $make;
            an_entry_comes_back_as_it_was,
            an_entry_with_nothing_optional_comes_back_as_it_was,
            every_stage_and_actor_comes_back,
            every_number_in_json_keeps_its_hash,
            an_appended_entry_is_the_head,
            a_number_is_kept_once,
            a_number_behind_the_head_exists,
            an_entry_that_does_not_follow_is_missing_the_one_before,
            a_first_entry_follows_on_its_chain,
        );
        $crate::audit_log_contract!(@cases read, $block_on, $make;
            a_chain_is_read_in_order_and_in_pages,
            chains_do_not_run_together,
            unknown_chains_are_empty,
            every_chain_has_its_head,
            what_was_appended_verifies,
        );
        $crate::audit_log_contract!(@cases list, $block_on, $make;
            entries_are_newest_first,
            entries_of_one_moment_are_in_the_order_of_chains_and_numbers,
            pages_follow_each_other,
            times_are_cut_to_the_microsecond,
            actions_are_found_by_how_they_begin,
            nothing_in_an_action_is_a_pattern,
            subjects_and_actors_are_compared_exactly,
            filters_narrow_together,
            a_limit_of_nought_finds_nothing,
        );
        $crate::audit_log_contract!(@races $block_on, $make;
            one_of_many_appends_of_a_number_wins,
            chains_grow_beside_each_other,
            one_process_has_one_chain,
        );
    };
    (@cases $area:ident, $block_on:path, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (log, _keep) = $make;
                $block_on($crate::contract::$area::$case(&log));
            }
        )*
    };
    (@races $block_on:path, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (log, _keep) = $make;
                $crate::contract::races::$case(&std::sync::Arc::new(log), &|task| $block_on(task));
            }
        )*
    };
}
