//! A Redis server.

use std::sync::OnceLock;

use crate::keeper::Keeper;
use crate::program;

/// A Redis server that runs for this test process alone. Dropping it ends it.
#[derive(Debug)]
pub struct Redis {
    keeper: Keeper,
}

impl Redis {
    /// A server that keeps nothing on disk: a restart empties it.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments, as on `redis-server`'s command line; they win over ours.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        let keeper = Keeper::start(&program::redis(), "Ready to accept connections", |port, data| {
            let port = port.to_string();
            let ours = [
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ];
            let mut all: Vec<_> = ours.iter().map(Into::into).collect();
            all.extend(["--dir".into(), data.into()]);
            all.extend(arguments.iter().map(Into::into));
            all
        });
        Self { keeper }
    }

    /// A server whose answered writes outlast [`kill`](Self::kill) and [`restart`](Self::restart).
    #[must_use]
    pub fn persistent() -> Self {
        Self::start_with(&["--appendonly", "yes"])
    }

    /// One server for all tests of this process, which must not get in each other's way.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Where it listens on 127.0.0.1; the same for its whole life.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.keeper.port()
    }

    /// `redis://127.0.0.1:PORT/0`
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port())
    }

    /// Ends it with SIGKILL.
    pub fn kill(&self) {
        self.keeper.kill();
    }

    /// Starts it again on the same port and data, ending it first where it runs. Returns when it answers.
    ///
    /// # Panics
    /// When it does not start; its log is in the message.
    pub fn restart(&self) {
        self.keeper.restart();
    }

    /// Stops it in mid-work: connections stay open and nothing is answered, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.keeper.freeze();
    }

    /// Goes on where it was frozen.
    pub fn thaw(&self) {
        self.keeper.thaw();
    }
}
