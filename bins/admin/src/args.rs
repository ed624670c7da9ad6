//! The command line.

mod apply;
mod audit;
mod import;
mod key;
mod model;
mod time;
mod usage;
pub(crate) mod user;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) use apply::Apply;
pub(crate) use audit::AuditCommand;
pub(crate) use import::ImportLegacy;
pub(crate) use key::{CreateKey, KeyCommand};
pub(crate) use model::{AddModel, ModelCommand};
pub(crate) use usage::{RollupCommand, UsageCommand};
pub(crate) use user::UserCommand;

/// Looks after an LLMGateway: API keys, models, users, usage, the audit log.
///
/// Commands work on the store itself, MongoDB or a SQLite file, so no service need run. Running gateways see a change
/// within a second. `serve` offers the same, and more, as a REST API.
#[derive(Debug, Parser)]
#[command(name = "llm-gateway-admin", version, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// A TOML file with settings; the gateway's own will do.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// The data folder of an llm-gateway-standalone, in place of store and pepper.
    #[arg(long, value_name = "DIR", global = true, conflicts_with = "config")]
    pub(crate) data: Option<PathBuf>,

    /// Print JSON, as the REST API answers it; with `serve` one line when it serves.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the REST API until SIGTERM, on an address of its own.
    ///
    /// It also starts while MongoDB or Redis is away; /health/ready at the health address says which one is missing.
    Serve(Serve),

    /// API keys.
    #[command(subcommand)]
    Key(KeyCommand),

    /// Models, and where they are served.
    #[command(subcommand)]
    Model(ModelCommand),

    /// People and service accounts.
    #[command(subcommand)]
    User(UserCommand),

    /// Who changed what.
    #[command(subcommand)]
    Audit(AuditCommand),

    /// What was used.
    #[command(subcommand)]
    Usage(UsageCommand),

    /// The sums that reports are made of.
    #[command(subcommand)]
    Rollup(RollupCommand),

    /// Make models, limits and service accounts be what a file says; done again it changes nothing.
    ///
    /// Everything is checked before the first change. A change that fails takes back those before it in its document.
    Apply(Apply),

    /// Bring users, keys, models and usage over from the system that this one replaces; done again it changes nothing.
    ///
    /// Keys go on working. Usage comes without costs, and is marked by the target `imported`. It only reads there.
    ImportLegacy(ImportLegacy),

    /// Ask the program that runs with these settings whether it is ready, as a health check does; exit 0 if so.
    Health,

    /// Look at the settings; touches no network.
    #[command(subcommand)]
    Config(ConfigCommand),

    /// Print the description of the REST API (OpenAPI 3.1).
    Openapi,

    /// Print completions for a shell, as in `llm-gateway-admin completions bash >
    /// /etc/bash_completion.d/llm-gateway-admin`.
    Completions {
        /// Which
        shell: clap_complete::Shell,
    },

    /// Write the manual into a folder, a page for each command, as in `llm-gateway-admin man
    /// /usr/local/share/man/man1`.
    Man {
        /// The folder, which is there
        folder: PathBuf,
    },
}

/// How to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where the API listens [default: 127.0.0.1:8081; port 0: any free port]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,

    /// Where health checks and metrics are [default: 127.0.0.1:9091]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) health_listen: Option<SocketAddr>,
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

const AFTER_HELP: &str = "\
Examples:
  llm-gateway-admin --config /etc/llmgw.toml key create --owner ada --name laptop --limit tokens/day=200000
  llm-gateway-admin --config /etc/llmgw.toml model add llama-3 --url http://10.0.0.5:8000
  llm-gateway-admin --data ./llmgw-data usage report --by user,model --bucket day

  ADMIN_KEY=... llm-gateway-admin --config /etc/llmgw.toml serve

Settings, low to high: defaults, --config FILE (TOML), environment (LLMGW_SECTION__FIELD), flags. It needs those of
[store], [mongo], [redis] and [keys], and to serve those of [admin]; `config reference` lists them all.

Exit codes: 0 done, 1 failed, 2 wrong usage, 78 bad configuration.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
