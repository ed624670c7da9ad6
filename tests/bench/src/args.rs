//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::scenario::Scenario;

#[derive(Debug, clap::Parser)]
#[command(about = "Measures the gateway beside nginx")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Only the mock model server: answers at once, with usage
    Mock {
        /// Where it listens; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// The whole measurement
    Run(RunOptions),
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunOptions {
    /// The llm-gateway-standalone binary, or with --admin llm-gateway, built for release
    #[arg(long, required_unless_present = "without_gateway")]
    pub(crate) gateway: Option<PathBuf>,
    /// The llm-gateway-admin binary: the gateway is then llm-gateway, over a Redis and a MongoDB of its own
    #[arg(long, requires = "gateway")]
    pub(crate) admin: Option<PathBuf>,
    /// Measure only the mock and nginx
    #[arg(long)]
    pub(crate) without_gateway: bool,
    /// Few and short rounds: to see that it works, not to quote
    #[arg(long)]
    pub(crate) quick: bool,
    /// Rounds of each scenario; medians are shown
    #[arg(long, default_value_t = 5, conflicts_with = "quick")]
    rounds: usize,
    /// Seconds of load in a round
    #[arg(long, default_value_t = 4.0, conflicts_with = "quick")]
    seconds: f64,
    /// Only these loads, with a comma between two
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<Scenario>,
    /// How long the gateway keeps connections to the mock; nginx keeps them for a minute, its default. That of the
    /// gateway is shorter, because model servers close theirs after 5 s, which the mock never does
    #[arg(long, default_value = "60s")]
    pub(crate) keep_alive: String,
    /// Folder for bench.md and bench.json
    #[arg(long, default_value = "target/bench")]
    pub(crate) out: PathBuf,
}

impl RunOptions {
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 2 } else { self.rounds.max(1) }
    }

    pub(crate) fn loads(&self) -> impl Iterator<Item = Scenario> {
        let chosen = |scenario: &Scenario| self.only.is_empty() || self.only.contains(scenario);
        Scenario::ALL.into_iter().filter(chosen)
    }

    pub(crate) fn round(&self) -> Duration {
        if self.quick {
            Duration::from_millis(500)
        } else {
            Duration::from_secs_f64(self.seconds)
        }
    }
}
