//! The cases every adapter of [`UsageJournal`](super::UsageJournal) must pass.
//!
//! Each case is a function over the port and wants a journal of its own, empty at first. A macro turns the
//! cases into one test each:
//!
//! ```
//! # #[cfg(any())] // the tests a macro makes only exist in a test target
//! llmgw_usage::usage_journal_contract!((Box::new(MyJournal::default()), ()));
//! ```
//!
//! Its argument is an expression that gives a pointer to the adapter and something to keep until the test is over (a
//! temporary folder, say).

#![expect(clippy::expect_used, reason = "a case fails by panicking, like any test")]

pub mod batches;
mod fresh;
pub mod lag;
pub mod requests;
pub mod threads;

pub use fresh::{close, open_entry, seen};

/// One test per case of [`journal::contract`](crate::journal::contract).
#[macro_export]
macro_rules! usage_journal_contract {
    ($make:expr) => {
        $crate::usage_journal_contract!(@cases requests, $make;
            an_empty_journal_ships_nothing,
            a_record_comes_back_as_it_was,
            every_word_a_record_can_hold_comes_back,
            the_largest_numbers_are_exact,
            an_open_request_is_not_shipped,
            an_entry_dropped_without_a_close_stays_open,
            a_second_close_is_ignored,
            progress_ships_nothing,
            progress_after_the_close_changes_nothing,
            a_close_may_name_another_target,
            a_close_may_be_longer_than_its_open_entry,
            an_entry_can_be_closed_by_another_thread,
        );
        $crate::usage_journal_contract!(@cases batches, $make;
            nothing_is_handed_out_twice,
            records_are_oldest_first,
            max_is_kept,
            a_batch_of_none_takes_nothing,
            what_is_closed_later_comes_later,
            a_rewind_hands_out_again,
            a_rewind_keeps_what_is_confirmed,
            a_rewind_of_nothing_is_nothing,
            a_confirmed_batch_is_gone,
            a_mark_confirms_the_batches_before_it,
            confirming_again_changes_nothing,
            a_mark_from_before_a_rewind_loses_nothing,
            an_id_stands_once_in_a_batch,
            many_records_come_in_many_batches,
        );
        $crate::usage_journal_contract!(@cases lag, $make;
            an_empty_journal_has_no_lag,
            open_requests_are_counted,
            records_count_until_they_are_confirmed,
            what_waits_takes_bytes,
        );
        $crate::usage_journal_contract!(@cases threads, $make;
            many_threads_lose_nothing,
            a_shipper_that_fails_now_and_then_loses_nothing,
        );
    };
    (@cases $area:ident, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (journal, _keep) = $make;
                $crate::journal::contract::$area::$case(&*journal);
            }
        )*
    };
}

const WORKS: &str = "the journal works";
