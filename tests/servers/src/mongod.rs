//! A MongoDB server.

mod command;

use std::sync::OnceLock;

use bson::doc;

use crate::keeper::{Keeper, eventually};
use crate::program;
use command::command;

const REPLICA_SET: &str = "rs0";

/// A MongoDB server that runs for this test process alone. Dropping it ends it.
#[derive(Debug)]
pub struct Mongod {
    keeper: Keeper,
    in_replica_set: bool,
}

impl Mongod {
    /// The only member of replica set `rs0`, and its primary when this returns.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments, as on `mongod`'s command line. With a `--keyFile` the first user is still to
    /// be made, which MongoDB allows from this machine.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        let mongod = Self::run(&[&["--replSet", REPLICA_SET], arguments].concat(), true);
        let member = doc! { "_id": 0, "host": format!("127.0.0.1:{}", mongod.port()) };
        let initiate = doc! { "replSetInitiate": { "_id": REPLICA_SET, "members": [member] } };
        let answer = command(mongod.port(), &initiate).expect("mongod answers");
        assert!(answer.get_f64("ok").is_ok_and(|ok| ok > 0.0), "{answer}");
        mongod.wait_for_primary();
        mongod
    }

    /// A server outside of any replica set, which has no transactions.
    #[must_use]
    pub fn standalone() -> Self {
        Self::run(&[], false)
    }

    /// A server that was told that it belongs to a replica set, and nothing more.
    #[must_use]
    pub fn uninitiated() -> Self {
        Self::run(&["--replSet", REPLICA_SET], false)
    }

    /// One replica set for all tests of this process, which must not get in each other's way: take a database
    /// of your own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Mongod> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Where it listens on 127.0.0.1; the same for its whole life.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.keeper.port()
    }

    /// `mongodb://127.0.0.1:PORT/?replicaSet=rs0`, without the option for a standalone.
    #[must_use]
    pub fn url(&self) -> String {
        let url = format!("mongodb://127.0.0.1:{}/", self.port());
        match self.in_replica_set {
            true => format!("{url}?replicaSet={REPLICA_SET}"),
            false => url,
        }
    }

    /// Ends it with SIGKILL.
    pub fn kill(&self) {
        self.keeper.kill();
    }

    /// Starts it again on the same port and data, ending it first where it runs. Returns when it takes writes.
    ///
    /// # Panics
    /// When it does not start; its log is in the message.
    pub fn restart(&self) {
        self.keeper.restart();
        if self.in_replica_set {
            self.wait_for_primary();
        }
    }

    /// Stops it in mid-work: connections stay open and nothing is answered, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.keeper.freeze();
    }

    /// Goes on where it was frozen.
    pub fn thaw(&self) {
        self.keeper.thaw();
    }

    fn run(arguments: &[&str], in_replica_set: bool) -> Self {
        let keeper = Keeper::start(&program::mongod(), "Waiting for connections", |port, data| {
            let port = port.to_string();
            let ours = [
                "--port",
                &port,
                "--bind_ip",
                "127.0.0.1",
                "--nounixsocket",
                "--wiredTigerCacheSizeGB",
                "0.25",
                "--setParameter",
                "diagnosticDataCollectionEnabled=false",
            ];
            let mut all: Vec<_> = ours.iter().chain(arguments).map(Into::into).collect();
            all.extend(["--dbpath".into(), data.into()]);
            all
        });
        Self {
            keeper,
            in_replica_set,
        }
    }

    fn wait_for_primary(&self) {
        eventually("mongod to become primary", || {
            let answer = command(self.port(), &doc! { "hello": 1 }).ok()?;
            answer.get_bool("isWritablePrimary").ok()?.then_some(())
        });
    }
}
