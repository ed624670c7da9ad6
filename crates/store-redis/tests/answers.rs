//! Which target keeps which answer: the port's contract, and that Redis keeps nothing longer than it must.

use std::time::Duration;

use deadpool_redis::redis;
use llmgw_models::{AnswerPlace, AnswerPlaces};
use llmgw_store_redis::RedisAnswers;
use llmgw_types::{ModelId, TargetId, Timestamp, UserId};

use crate::server;

mod contract {
    use super::*;

    llmgw_models::answer_places_contract!(
        server::block_on,
        (RedisAnswers::new(server::open(&server::options())), ())
    );
}

#[test]
fn a_key_goes_an_hour_after_its_moment() {
    let options = server::options();
    let answers = RedisAnswers::new(server::open(&options));
    let (now, minute) = (Timestamp::from_millis(1_900_000_000_000), Duration::from_secs(60));
    let place = AnswerPlace {
        model: ModelId::parse("m").unwrap(),
        target: TargetId::parse("t").unwrap(),
    };
    let put = answers.put(
        UserId::from_bytes([7; 16]),
        "resp_1",
        &place,
        now.plus(minute),
        now,
    );
    server::block_on(put).unwrap();
    let keys = server::keys(&options.prefix);
    let [key] = &keys[..] else { panic!("{keys:?}") };
    let left: i64 = redis::cmd("PTTL").arg(key).query(&mut server::ask()).unwrap();
    assert!((3_600_000..=3_660_000).contains(&left), "{left}");
}
