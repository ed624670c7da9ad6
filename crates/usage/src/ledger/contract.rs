//! The cases every adapter of [`UsageLedger`](super::UsageLedger) must pass.
//!
//! Each case is a function over the port and works on ids nobody else has: a ledger may hold other records,
//! and other cases may run on it at the same time. A macro turns the cases into one test each:
//!
//! ```
//! # #[cfg(any())] // the tests a macro makes only exist in a test target
//! llmgw_usage::ledger_contract!(
//!     futures_executor::block_on,
//!     (MyLedger::connect(llmgw_usage::ledger::contract::zone()), ())
//! );
//! ```
//!
//! The first argument is what runs a future to its end, on any thread. The second is an expression that gives
//! the adapter and something to keep until the test is over (a temporary folder, say); it may `return` to
//! skip the test. The adapter's days begin at midnight of [`zone`].

#![expect(clippy::expect_used, reason = "a case fails by panicking, like any test")]

pub mod append;
pub mod events;
mod expected;
mod fresh;
pub mod report;
pub mod rollups;

pub use fresh::{record, zone};

/// One test per case of [`ledger::contract`](crate::ledger::contract).
#[macro_export]
macro_rules! ledger_contract {
    ($block_on:path, $make:expr) => {
        $crate::ledger_contract!(@cases append, $block_on, $make;
            an_append_says_how_many_were_new,
            a_record_comes_back_as_it_was,
            every_word_a_record_can_hold_comes_back,
            the_largest_numbers_are_exact,
            appending_again_changes_nothing,
            the_first_record_of_an_id_stays,
            a_mixed_batch_adds_only_what_is_new,
            twins_within_a_batch_count_once,
            the_order_of_appends_does_not_matter,
            an_empty_append_is_nothing,
        );
        $crate::ledger_contract!(@cases report, $block_on, $make;
            a_report_sums_everything,
            failures_given_back_are_counted_but_not_charged,
            every_combination_of_dimensions_and_buckets_adds_up,
            hours_are_cut_at_the_full_hour,
            days_begin_at_midnight_of_the_zone,
            days_of_23_and_25_hours_are_days,
            from_and_to_are_cut_to_whole_hours,
            filters_narrow_together,
            a_span_of_users_has_both_its_ends,
            nothing_found_is_one_zero_row_or_none,
            rows_are_in_order,
            no_target_is_a_row_of_its_own,
            a_set_of_groups_is_one_value,
        );
        $crate::ledger_contract!(@cases events, $block_on, $make;
            events_are_newest_first_by_id,
            pages_follow_each_other,
            one_event_is_found_by_its_id,
            events_of_a_user_come_from_all_keys_and_models,
            events_are_cut_exactly_by_time,
            ids_out_of_step_with_time_are_found,
            hours_that_overlap_in_ids_are_told_apart,
            events_of_everybody_are_newest_first,
            filters_that_exclude_each_other_find_nothing,
        );
        $crate::ledger_contract!(@cases rollups, $block_on, $make;
            verify_finds_no_difference,
            a_rebuild_changes_no_report,
            an_append_after_a_rebuild_counts_once,
        );

        #[test]
        fn appends_at_the_same_time_count_once() {
            let (ledger, _keep) = $make;
            $crate::ledger::contract::append::appends_at_the_same_time_count_once(&ledger, &|task| $block_on(task));
        }
    };
    (@cases $area:ident, $block_on:path, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (ledger, _keep) = $make;
                $block_on($crate::ledger::contract::$area::$case(&ledger));
            }
        )*
    };
}
