//! The cases every adapter of [`AdmissionStore`](super::AdmissionStore) must pass.
//!
//! Each case is a function over the port. It needs a store that nobody else uses (on a server: names of its
//! own), ready and empty, with the windows of [`calendar`]. A macro turns the cases into one test each:
//!
//! ```
//! # #[cfg(any())] // the tests a macro makes only exist in a test target
//! llmgw_usage::admission_contract!(
//!     futures_executor::block_on,
//!     (MyAdmission::connect(llmgw_usage::admission::contract::calendar()), ())
//! );
//! ```
//!
//! The first argument is what runs a future to its end, on any thread. The second is an expression that gives
//! the adapter and something to keep until the test is over; it may `return` to skip the test.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a case fails by panicking, like any test"
)]

mod fresh;
pub mod leases;
pub mod reserve;
pub mod settle;
pub mod standing;
pub mod windows;

pub use fresh::calendar;

/// One test per case of [`admission::contract`](crate::admission::contract).
#[macro_export]
macro_rules! admission_contract {
    ($block_on:path, $make:expr) => {
        $crate::admission_contract!(@cases reserve, $block_on, $make;
            a_limit_admits_as_many_as_it_says,
            a_reservation_holds_its_estimate,
            all_limits_have_room_or_none_is_touched,
            a_live_id_is_granted_again_and_counted_once,
            the_refusal_names_the_limit_that_takes_longest,
            what_can_never_fit_is_told_apart,
            use_before_a_limit_was_made_is_known_to_it,
            other_subjects_are_not_touched,
            states_are_in_the_order_of_the_rules,
            two_rules_on_one_counter_both_hold,
            an_estimate_of_nothing_fits_a_limit_that_is_just_used_up,
            the_largest_numbers_do_not_wrap,
        );
        $crate::admission_contract!(@cases settle, $block_on, $make;
            a_settlement_replaces_the_estimate,
            an_id_is_settled_once,
            more_than_estimated_is_charged_whole,
            nothing_used_gives_everything_back,
            an_unknown_id_changes_nothing,
            a_release_gives_everything_back,
            a_release_before_its_reserve_voids_it,
            a_settlement_after_a_release_changes_nothing,
            a_batch_settles_each_of_its_own,
        );
        $crate::admission_contract!(@cases windows, $block_on, $make;
            a_new_window_begins_empty,
            each_window_ends_in_its_own_time,
            days_and_months_are_those_of_the_zone,
            a_request_is_charged_to_the_window_of_its_admission,
            running_requests_have_no_window,
            a_seed_sets_what_was_used_and_keeps_what_runs,
            counters_absent_from_a_seed_become_zero,
        );
        $crate::admission_contract!(@cases leases, $block_on, $make;
            a_slot_frees_itself_when_its_lease_ends,
            a_renewed_lease_lives_on,
            a_settlement_after_the_lease_still_charges,
            a_lapsed_reservation_is_put_back,
            what_is_put_back_counts_in_the_windows_of_its_admission,
            renewing_the_unknown_does_nothing,
            a_release_after_the_lease_changes_nothing,
        );

        #[test]
        fn requests_at_the_same_time_share_a_limit_exactly() {
            let (store, _keep) = $make;
            $crate::admission::contract::reserve::requests_at_the_same_time_share_a_limit_exactly(
                &store,
                &|task| $block_on(task),
            );
        }
    };
    (@cases $area:ident, $block_on:path, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (store, _keep) = $make;
                $block_on($crate::admission::contract::$area::$case(&store));
            }
        )*
    };
}
