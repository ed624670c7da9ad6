//! News of changes: delivered at once, and whoever may have missed some is told so.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use llmgw_servers::Redis;
use llmgw_store_redis::{Heard, Options, RedisFeed};
use llmgw_types::{Change, ChangeFeed, KeyId, ModelId, UserId};
use tokio::task::JoinHandle;

use crate::line::Line;
use crate::server;

/// News arrive within one second, a dead connection is noticed within five: and this is five times that.
const PATIENCE: Duration = Duration::from_secs(25);

/// A process that listens.
struct Listener {
    heard: Receiver<Heard>,
    listening: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Listener {
    fn new(options: &Options) -> Self {
        let (say, heard) = channel();
        let feed = RedisFeed::new(server::open(options));
        let listening = server::spawn(async move {
            feed.listen(move |heard| {
                // Nobody hears at the end of a test.
                let _ = say.send(heard);
            })
            .await;
        });
        Self { heard, listening }
    }

    fn hears(&self, wanted: &Heard) {
        let heard = self.heard.recv_timeout(PATIENCE);
        assert_eq!(heard.as_ref(), Ok(wanted));
    }

    /// News of this change, after any number of new connections.
    fn hears_in_the_end(&self, wanted: &Change) {
        loop {
            match self.heard.recv_timeout(PATIENCE) {
                Ok(Heard::Reconnected) => {}
                heard => return assert_eq!(heard, Ok(Heard::Change(wanted.clone()))),
            }
        }
    }
}

fn options(url: &str) -> Options {
    Options {
        call_timeout: Duration::from_secs(5),
        ..Options::at(url)
    }
}

fn publish(options: &Options, change: &Change) {
    let feed = RedisFeed::new(server::open(options));
    server::block_on(feed.publish(change.clone())).unwrap();
}

#[test]
fn every_listener_hears_every_change() {
    let options = server::options();
    let listeners = [Listener::new(&options), Listener::new(&options)];
    for listener in &listeners {
        listener.hears(&Heard::Reconnected);
    }
    let changes = [
        Change::Key(KeyId::from_bytes([1; 16])),
        Change::User(UserId::from_bytes([2; 16])),
        Change::Model(ModelId::parse("org/model@fp8").unwrap()),
    ];
    for change in &changes {
        publish(&options, change);
    }
    for listener in &listeners {
        for change in &changes {
            listener.hears(&Heard::Change(change.clone()));
        }
    }
}

#[test]
fn others_on_the_same_server_are_not_heard() {
    let (ours, theirs) = (server::options(), server::options());
    let listener = Listener::new(&ours);
    listener.hears(&Heard::Reconnected);
    publish(&theirs, &Change::Key(KeyId::from_bytes([1; 16])));
    let change = Change::Key(KeyId::from_bytes([2; 16]));
    publish(&ours, &change);
    listener.hears(&Heard::Change(change));
}

#[test]
fn what_nobody_understands_may_be_anything() {
    let options = server::options();
    let listener = Listener::new(&options);
    listener.hears(&Heard::Reconnected);
    let channel = format!("{{{}}}changes:", options.prefix);
    let mut publish = deadpool_redis::redis::cmd("PUBLISH");
    let told: usize = publish
        .arg(channel)
        .arg(r#"{"galaxy":"m31"}"#)
        .query(&mut server::ask())
        .unwrap();
    assert_eq!(told, 1);
    listener.hears(&Heard::Reconnected);
}

#[test]
fn a_server_that_was_started_anew_is_heard_again() {
    let redis = Redis::start();
    let options = options(&redis.url());
    let listener = Listener::new(&options);
    listener.hears(&Heard::Reconnected);
    redis.kill();
    redis.restart();
    listener.hears(&Heard::Reconnected);
    let change = Change::User(UserId::from_bytes([3; 16]));
    publish(&options, &change);
    listener.hears_in_the_end(&change);
}

#[test]
fn a_connection_that_died_without_a_word_is_made_anew() {
    let redis = Redis::start();
    let line = server::block_on(Line::to(redis.port()));
    let listener = Listener::new(&options(&line.url()));
    listener.hears(&Heard::Reconnected);
    // Longer than it may be silent: it is asked, says so, and is kept.
    let change = Change::Key(KeyId::from_bytes([4; 16]));
    let quiet = Instant::now();
    while quiet.elapsed() < Duration::from_secs(3) {
        assert_eq!(line.made(), 1);
        std::thread::yield_now();
        let nothing = listener.heard.recv_timeout(Duration::from_millis(100));
        assert!(nothing.is_err(), "{nothing:?}");
    }
    publish(&options(&redis.url()), &change);
    listener.hears(&Heard::Change(change.clone()));
    line.cut();
    publish(&options(&redis.url()), &change);
    listener.hears(&Heard::Reconnected);
    assert_eq!(line.made(), 2);
    publish(&options(&redis.url()), &change);
    listener.hears_in_the_end(&change);
}
