//! Every record is counted once, whenever the store was emptied, whoever rebuilt it, and however deliveries went.

mod rules;
mod world;

use proptest::prelude::*;

use crate::server;
use world::World;

const CASES: u32 = 120;
const STEPS: usize = 120;
const ORDERS: u32 = 1_500;

/// What may happen next. Numbers choose one of those there are.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Wait(u64),
    /// A gateway admits a request: in Redis, or by itself where that is not ready or not reached.
    Admit(usize),
    /// A request ends and is in the journal.
    End(usize, u64),
    /// Its guard settles it, or that is lost.
    Settle(usize),
    LoseSettle(usize),
    /// A shipper goes on: looks what is ready, appends so many to the ledger, tells admission.
    Ship(usize, usize),
    /// It dies, and begins anew with what was not confirmed.
    Crash(usize),
    /// Something that was confirmed long ago is delivered once more.
    DeliverAgain(usize),
    Flush,
    /// Who rebuilds goes on: begins, reads one half and the other, puts, finishes.
    Rebuild(usize),
    /// It dies.
    GiveUp(usize),
    Renew(usize),
    Restore(usize),
    /// A gateway cannot reach Redis, and can again.
    Cut(usize),
    Mend(usize),
    /// All that runs ends and is shipped, and there the counters must be right.
    Rest,
}

fn step() -> impl Strategy<Value = Step> {
    let two = 0..2_usize;
    let any = 0..1_000_usize;
    prop_oneof![
        4 => prop_oneof![6 => 0..5_000_u64, 2 => 0..60_000_u64, 1 => 0..2_000_000_u64, 1 => Just(7_200_000)]
            .prop_map(Step::Wait),
        8 => two.clone().prop_map(Step::Admit),
        6 => (any.clone(), 0..9_u64).prop_map(|(which, tokens)| Step::End(which, tokens)),
        5 => any.clone().prop_map(Step::Settle),
        1 => any.clone().prop_map(Step::LoseSettle),
        15 => (two.clone(), 1..4_usize).prop_map(|(who, many)| Step::Ship(who, many)),
        1 => two.clone().prop_map(Step::Crash),
        1 => any.prop_map(Step::DeliverAgain),
        1 => Just(Step::Flush),
        12 => two.clone().prop_map(Step::Rebuild),
        1 => two.clone().prop_map(Step::GiveUp),
        2 => two.clone().prop_map(Step::Renew),
        1 => two.clone().prop_map(Step::Restore),
        1 => two.clone().prop_map(Step::Cut),
        1 => two.prop_map(Step::Mend),
        5 => Just(Step::Rest),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counters_at_rest_are_what_the_ledger_says(steps in prop::collection::vec(step(), STEPS)) {
        server::block_on(async {
            let mut world = World::new();
            world.play(&Step::Rest).await;
            for step in &steps {
                world.play(step).await;
            }
            world.play(&Step::Rest).await;
        });
    }
}

/// The life of one request, and what may go on meanwhile; in which order is chance.
fn one_request() -> impl Strategy<Value = Vec<Step>> {
    use Step::{
        Admit, Crash, Cut, DeliverAgain, End, Flush, Mend, Rebuild, Renew, Restore, Settle, Ship, Wait,
    };
    let life = vec![Admit(0), End(0, 5), Ship(0, 9), Ship(0, 9), Ship(0, 9)];
    let other = prop_oneof![
        Just(vec![]),
        Just(vec![Flush]),
        Just(vec![Flush, Restore(0)]),
        Just(vec![Wait(7_200_000)]),
        Just(vec![Wait(15_000), Renew(0)]),
        Just(vec![
            Rebuild(1),
            Rebuild(1),
            Rebuild(1),
            Rebuild(1),
            Rebuild(1),
            Wait(21_000)
        ]),
        Just(vec![Cut(0), Mend(0)]),
        Just(vec![Crash(0), Ship(0, 9), Ship(0, 9), Ship(0, 9)]),
        Just(vec![
            DeliverAgain(0),
            Rebuild(0),
            Rebuild(0),
            Rebuild(0),
            Rebuild(0),
            Rebuild(0)
        ]),
    ];
    let any_order = other.prop_flat_map(|other| {
        let rebuild = std::iter::repeat_n(Rebuild(0), 5);
        let places = std::iter::repeat_n(None, 5);
        let rest = rebuild.chain([Settle(0)]).chain(other).map(Some);
        Just(places.chain(rest).collect::<Vec<_>>()).prop_shuffle()
    });
    // Its life has an order: it takes the places that are free.
    any_order.prop_map(move |places| {
        let mut life = life.clone().into_iter();
        let steps = places.into_iter().map(|place| place.or_else(|| life.next()));
        steps.flatten().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ORDERS, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_request_is_counted_once_in_whatever_order_things_happen(steps in one_request()) {
        server::block_on(async {
            let mut world = World::new();
            world.play(&Step::Rest).await;
            // What is admitted now is admitted well after the counters became ready.
            world.play(&Step::Wait(15_000)).await;
            for step in &steps {
                world.play(step).await;
            }
            world.play(&Step::Rest).await;
        });
    }
}
