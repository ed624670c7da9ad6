//! Web sessions, values and used ids: the ports' contracts, and that Redis keeps nothing longer than it must.

use std::time::Duration;

use deadpool_redis::redis;
use llmgw_servers::Redis;
use llmgw_sessions::{Login, OneTimeStore, Session, SessionStore, Token, TokenHash};
use llmgw_store_redis::{Options, RedisOneTime, RedisSessions};
use llmgw_types::{StoreError, Timestamp, UserId};

use crate::server;

mod contract {
    use super::*;

    llmgw_sessions::session_store_contract!(
        server::block_on,
        (RedisSessions::new(server::open(&server::options())), ())
    );
}

mod one_time_contract {
    use super::*;

    llmgw_sessions::one_time_store_contract!(
        server::block_on,
        (RedisOneTime::new(server::open(&server::options())), ())
    );
}

const MINUTE: Duration = Duration::from_secs(60);
const SPARE: Duration = Duration::from_secs(3_600);

fn hash(n: u16) -> TokenHash {
    let mut random = [0; 32];
    random[..2].copy_from_slice(&n.to_be_bytes());
    Token::generate(random).hash()
}

fn session(user: UserId, now: Timestamp) -> Session {
    Session {
        user: Some(user),
        login: Some(Login {
            issuer: "https://idp.example".to_owned(),
            name_id: "ada".to_owned(),
            session_index: Some("_1".to_owned()),
        }),
        ..Session::new(now, 30 * MINUTE, 10 * MINUTE)
    }
}

fn now(options: &Options) -> Timestamp {
    server::block_on(server::open(options).time()).unwrap()
}

// The names of the keys behind their kind, each with the time it has left.
fn kept(prefix: &str) -> Vec<(String, Duration)> {
    let mut server = server::ask();
    let mut kept: Vec<_> = server::keys(prefix)
        .into_iter()
        .map(|key| {
            let left: i64 = redis::cmd("PTTL").arg(&key).query(&mut server).unwrap();
            let left = u64::try_from(left).expect("it has an end");
            let name = String::from_utf8_lossy(&key).into_owned();
            let name = name.split_once('}').unwrap().1.chars().take(4).collect();
            (name, Duration::from_millis(left))
        })
        .collect();
    kept.sort();
    kept
}

fn about(left: Duration, expected: Duration) -> bool {
    left <= expected + SPARE && left + MINUTE > expected + SPARE
}

#[test]
fn every_key_has_an_end_and_a_use_moves_it() {
    let options = server::options();
    let sessions = RedisSessions::new(server::open(&options));
    let one_time = RedisOneTime::new(server::open(&options));
    let (user, now) = (UserId::from_bytes([1; 16]), now(&options));
    server::block_on(async {
        sessions.insert(&hash(1), &session(user, now), now).await.unwrap();
        let until = now.plus(5 * MINUTE);
        one_time
            .put("log-in", &hash(2), b"value", until, now)
            .await
            .unwrap();
        assert!(one_time.first_use("assertion", "_2", until, now).await.unwrap());
    });
    let expect = |first: Duration| {
        let minutes = [5, 5, 30, 30].map(|minutes| minutes * MINUTE);
        let kept = kept(&options.prefix);
        let names: Vec<_> = kept.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["o1:u", "o1:v", "s1:i", "s1:n", "s1:s", "s1:u"]);
        let all = [minutes[0], minutes[1], minutes[2], minutes[3], first, 30 * MINUTE];
        for ((name, left), expected) in kept.into_iter().zip(all) {
            assert!(about(left, expected), "{name}: {left:?}, not {expected:?}");
        }
    };
    expect(10 * MINUTE);
    let seen_at = now.plus(8 * MINUTE);
    assert!(server::block_on(sessions.touch(&hash(1), seen_at)).unwrap());
    expect(18 * MINUTE);
    let seen_at = now.plus(17 * MINUTE);
    assert!(server::block_on(sessions.update(&hash(1), &session(user, seen_at), seen_at)).unwrap());
    let kept = kept(&options.prefix);
    assert!(about(kept[4].1, 27 * MINUTE), "{kept:?}");
    assert!(about(kept[5].1, 47 * MINUTE), "{kept:?}");
}

#[test]
fn what_is_removed_or_taken_leaves_nothing() {
    let options = server::options();
    let sessions = RedisSessions::new(server::open(&options));
    let one_time = RedisOneTime::new(server::open(&options));
    let (user, now) = (UserId::from_bytes([1; 16]), now(&options));
    server::block_on(async {
        for n in 0..3 {
            sessions.insert(&hash(n), &session(user, now), now).await.unwrap();
        }
        assert!(sessions.remove(&hash(0)).await.unwrap());
        assert_eq!(sessions.remove_user(user).await.unwrap(), 2);
        let until = now.plus(MINUTE);
        one_time
            .put("log-in", &hash(2), b"value", until, now)
            .await
            .unwrap();
        assert!(one_time.take("log-in", &hash(2), now).await.unwrap().is_some());
    });
    assert_eq!(kept(&options.prefix), []);
}

#[test]
fn indexes_do_not_grow_by_what_is_over() {
    let options = server::options();
    let sessions = RedisSessions::new(server::open(&options));
    let (user, now) = (UserId::from_bytes([1; 16]), now(&options));
    server::block_on(async {
        for n in 0..10 {
            sessions.insert(&hash(n), &session(user, now), now).await.unwrap();
        }
        let later = now.plus(30 * MINUTE);
        sessions
            .insert(&hash(10), &session(user, later), later)
            .await
            .unwrap();
    });
    let mut server = server::ask();
    for key in server::keys(&options.prefix) {
        if !String::from_utf8_lossy(&key).contains("}s1:s") {
            let members: usize = redis::cmd("ZCARD").arg(&key).query(&mut server).unwrap();
            assert_eq!(members, 1, "{}", String::from_utf8_lossy(&key));
        }
    }
}

#[test]
fn more_sessions_than_one_call_removes_go_all_the_same() {
    let options = server::options();
    let sessions = RedisSessions::new(server::open(&options));
    let (user, now) = (UserId::from_bytes([1; 16]), now(&options));
    server::block_on(async {
        for n in 0..600 {
            sessions.insert(&hash(n), &session(user, now), now).await.unwrap();
        }
        let index = ["_1".to_owned()];
        let removed = sessions.remove_login("https://idp.example", "ada", &index).await;
        assert_eq!(removed.unwrap(), 600);
    });
    assert_eq!(kept(&options.prefix), []);
}

#[test]
fn sessions_that_redis_let_go_are_not_counted() {
    let options = server::options();
    let sessions = RedisSessions::new(server::open(&options));
    let (user, now) = (UserId::from_bytes([1; 16]), now(&options));
    server::block_on(sessions.insert(&hash(1), &session(user, now), now)).unwrap();
    for key in server::keys(&options.prefix) {
        if String::from_utf8_lossy(&key).contains("}s1:s") {
            redis::cmd("DEL").arg(key).exec(&mut server::ask()).unwrap();
        }
    }
    assert_eq!(server::block_on(sessions.remove_user(user)).unwrap(), 0);
    let left = kept(&options.prefix);
    assert!(left.iter().all(|(name, _)| name != "s1:u"), "{left:?}");
}

#[test]
fn a_full_server_changes_no_session_and_ends_those_it_has() {
    let redis = Redis::start();
    let options = Options {
        call_timeout: Duration::from_secs(5),
        ..Options::at(&redis.url())
    };
    let sessions = RedisSessions::new(server::open(&options));
    let (before, now) = (UserId::from_bytes([1; 16]), now(&options));
    server::block_on(sessions.insert(&hash(1), &session(before, now), now)).unwrap();
    let client = deadpool_redis::redis::Client::open(redis.url()).unwrap();
    let mut asked = client.get_connection().unwrap();
    let mut full = deadpool_redis::redis::cmd("CONFIG");
    full.arg("SET").arg("maxmemory").arg(1).exec(&mut asked).unwrap();
    let after = session(UserId::from_bytes([2; 16]), now);
    let refused = server::block_on(sessions.update(&hash(1), &after, now));
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    assert!(server::block_on(sessions.insert(&hash(2), &after, now)).is_err());
    let kept = server::block_on(sessions.get(&hash(1), now)).unwrap();
    assert_eq!(kept, Some(session(before, now)));
    assert_eq!(server::block_on(sessions.remove_user(before)).unwrap(), 1);
    assert_eq!(server::block_on(sessions.get(&hash(1), now)).unwrap(), None);
}
