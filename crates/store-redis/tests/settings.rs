//! What a server must be like, how it is logged in to, and that nothing tells the password.

use std::time::Duration;

use llmgw_servers::Redis;
use llmgw_store_redis::{Options, OptionsError, PrepareError, RedisStore};
use llmgw_types::{Clock, SecretString, StoreError, Timestamp};

use crate::server;

fn patient(options: Options) -> Options {
    Options {
        call_timeout: Duration::from_secs(5),
        ..options
    }
}

#[test]
fn a_server_that_forgets_nothing_is_taken() {
    server::block_on(server::open(&server::options()).prepare()).unwrap();
}

#[test]
fn a_server_that_evicts_keys_is_refused_with_what_mends_it() {
    let redis = Redis::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    let store = server::open(&patient(Options::at(&redis.url())));
    let refused = server::block_on(store.prepare()).unwrap_err();
    assert!(
        matches!(&refused, PrepareError::Evicts { policy } if policy == "allkeys-lru"),
        "{refused:?}"
    );
    let shown = refused.to_string();
    assert!(
        shown.contains("CONFIG SET maxmemory-policy noeviction"),
        "{shown}"
    );
}

#[test]
fn a_server_that_is_away_is_told_apart() {
    let redis = Redis::start();
    redis.kill();
    let store = server::open(&patient(Options::at(&redis.url())));
    let away = server::block_on(store.prepare()).unwrap_err();
    assert!(
        matches!(away, PrepareError::Store(StoreError::Unavailable { .. })),
        "{away:?}"
    );
}

#[test]
fn passwords_are_plain_text_wherever_they_stand() {
    for password in ["12345", "p@ss:w/rd?#[%41]", "größe"] {
        let redis = Redis::start_with(&["--requirepass", password]);
        let named = Options {
            password: Some(SecretString::from(password)),
            ..Options::at(&redis.url())
        };
        // What stands beside the URL goes before what stands in it.
        let url = redis.url().replace("redis://", "redis://:wrong@");
        let twice = Options {
            url: SecretString::from(url),
            ..named.clone()
        };
        for options in [named, twice] {
            server::block_on(server::open(&patient(options)).prepare()).unwrap();
        }
        let none = server::block_on(server::open(&patient(Options::at(&redis.url()))).time());
        assert!(none.is_err(), "{none:?}");
    }
}

#[test]
fn a_user_of_the_server_needs_no_more_than_our_keys_and_commands() {
    let redis = Redis::start_with(&[
        "--user",
        "gateway",
        "on",
        ">secret",
        "~{llmgw}*",
        "&{llmgw}*",
        "+@all",
        "-@dangerous",
        "+info",
    ]);
    let options = Options {
        username: Some("gateway".to_owned()),
        password: Some(SecretString::from("secret")),
        ..Options::at(&redis.url())
    };
    let store = server::open(&patient(options));
    server::block_on(store.prepare()).unwrap();
    let admission = llmgw_store_redis::RedisAdmission::new(store, Default::default());
    server::block_on(llmgw_usage::admission::AdmissionStore::seed(
        &admission,
        Timestamp::default(),
        &[],
    ))
    .unwrap();
}

#[test]
fn neither_errors_nor_debug_tell_the_password() {
    let secret = "hunter2hunter2";
    let redis = Redis::start_with(&["--requirepass", "another"]);
    let url = redis.url().replace("redis://", &format!("redis://ada:{secret}@"));
    let in_url = Options {
        url: SecretString::from(url.as_str()),
        ..Options::default()
    };
    let beside = Options {
        username: Some("ada".to_owned()),
        password: Some(SecretString::from(secret)),
        cluster: vec![SecretString::from(url.as_str())],
        ..Options::at(&redis.url())
    };
    for options in [in_url, beside] {
        let store = server::open(&patient(options.clone()));
        let refused = server::block_on(store.time()).unwrap_err();
        let prepared = server::block_on(store.prepare()).unwrap_err();
        let shown = format!("{options:?} {store:?} {refused:?} {refused} {prepared:?} {prepared}");
        assert!(!shown.contains(secret), "{shown}");
    }
    for broken in [
        format!("redis://ada:{secret}@:port/0"),
        format!("http://ada:{secret}@host/0"),
        format!("ada:{secret}@host"),
    ] {
        let refused = RedisStore::open(&Options::at(&broken)).unwrap_err();
        assert!(matches!(refused, OptionsError::Url), "{refused:?}");
        assert!(!format!("{refused:?} {refused}").contains(secret));
    }
}

#[test]
fn an_authority_needs_tls_and_must_be_one() {
    let ca = |url| Options {
        ca: Some("no certificate".to_owned()),
        ..Options::at(url)
    };
    let plain = RedisStore::open(&ca("redis://127.0.0.1:1/0")).unwrap_err();
    assert!(matches!(plain, OptionsError::CaWithoutTls), "{plain:?}");
    let broken = RedisStore::open(&ca("rediss://127.0.0.1:1/0")).unwrap_err();
    assert!(matches!(broken, OptionsError::Ca), "{broken:?}");
}

#[test]
fn the_servers_time_is_the_machines() {
    struct Machine;
    impl Clock for Machine {
        #[expect(
            clippy::disallowed_methods,
            reason = "what the server's time is compared with"
        )]
        fn now(&self) -> Timestamp {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            Timestamp::from_micros(i64::try_from(since.unwrap().as_micros()).unwrap())
        }
        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }
    let store = server::open(&server::options());
    let before = Machine.now();
    let time = server::block_on(store.time()).unwrap();
    assert!(before <= time && time <= Machine.now(), "{before} {time}");
}
