//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// An OpenAI-compatible gateway in front of your own model servers, for any number of replicas.
///
/// Checks API keys, holds limits over all replicas, and counts every token exactly once. Keys, users, models and
/// usage records are in MongoDB, limits and caches in Redis.
#[derive(Debug, Parser)]
#[command(name = "llm-gateway", version, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// A TOML file with settings.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the LLM API until SIGTERM.
    ///
    /// It also starts while MongoDB or Redis is away, and waits for them in the background: /health/ready at the
    /// health address says which one is missing.
    Serve(Serve),

    /// Ask the program that runs with these settings whether it is ready, as a health check does; exit 0 if so.
    Health,

    /// Look at the settings; touches no network.
    #[command(subcommand)]
    Config(ConfigCommand),

    /// Work on a journal by hand.
    #[command(subcommand)]
    Journal(JournalCommand),
}

/// How to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where the LLM API listens [default: 127.0.0.1:8080; port 0: any free port]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,

    /// Where health checks and metrics are [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) health_listen: Option<SocketAddr>,

    /// When it serves, print one line of JSON to stdout instead of text for people.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to do with settings.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read all settings and the files they name; exit 78 and say what is wrong and how to mend it, or exit 0.
    Check,
    /// Print the settings that are in force as TOML, each with the layer that set it; secrets are hidden.
    Print,
    /// Print everything that can be set, as Markdown.
    Reference,
}

/// What to do with a journal.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Take what a dead gateway's journal holds to the ledger, settle it, and say how many records it was.
    ///
    /// A gateway that starts with the same folder does so by itself; this is for a folder that none will start
    /// with again. Each record counts once, however often it is taken there. A gateway that still runs keeps its
    /// part of the folder.
    Drain {
        /// The folder that was the gateway's journal.dir
        dir: PathBuf,
    },
}

const AFTER_HELP: &str = "\
Examples:
  llm-gateway config check --config /etc/llmgw.toml
  llm-gateway serve --config /etc/llmgw.toml --listen 0.0.0.0:8080
  LLMGW_MONGO__URL=mongodb://db/?replicaSet=rs0 LLMGW_KEYS__PEPPER_FILE=/run/secrets/pepper llm-gateway serve

Settings, low to high: defaults, --config FILE (TOML), environment (LLMGW_SECTION__FIELD, as in
LLMGW_GATEWAY__MAX_BODY=64MiB), flags. `config reference` lists them all. One must be set: keys.pepper_file.
LLM_DEFAULT_URL, INFERENCE_KEY, MONGOHOST, MONGOUSER, MONGOPASSWORD, REDISHOST and REDISPORT work too.

On SIGTERM or Ctrl-C it is no longer ready, takes new requests for gateway.linger, lets running ones go on for
gateway.drain, and ends when its journal is empty. A second signal ends it at once, and nothing is lost either way.

Exit codes: 0 done, 1 failed, 2 wrong usage, 78 bad configuration, 130 or 143 ended at once by a signal.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
