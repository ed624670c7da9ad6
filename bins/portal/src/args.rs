//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The self service of LLMGateway: people log in with their institution, make API keys, and see what they used.
///
/// Keys, users and usage are in MongoDB, sessions in Redis: those of the gateways. Any number of replicas may run.
#[derive(Debug, Parser)]
#[command(name = "llm-gateway-portal", version, after_long_help = AFTER_HELP)]
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
    /// Serve pages and REST until SIGTERM.
    ///
    /// It also starts while MongoDB, Redis or the identity provider is away; /health/ready at the health address says
    /// which one is missing.
    Serve(Serve),

    /// Ask the program that runs with these settings whether it is ready, as a health check does; exit 0 if so.
    Health,

    /// Look at the settings; touches no network.
    #[command(subcommand)]
    Config(ConfigCommand),

    /// Print what the identity provider has to know of this portal, as SAML metadata.
    Metadata,

    /// Print the description of the REST API (OpenAPI 3.1).
    Openapi,
}

/// How to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where the self service listens [default: 127.0.0.1:8082; port 0: any free port]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,

    /// Where health checks and metrics are [default: 127.0.0.1:9092]
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

const AFTER_HELP: &str = "\
Examples:
  llm-gateway-portal config check --config /etc/llmgw.toml
  llm-gateway-portal metadata --config /etc/llmgw.toml > sp-metadata.xml
  llm-gateway-portal serve --config /etc/llmgw.toml

A file for a start:
  [portal]
  public_base_url = \"https://llm.example.org\"
  api_url = \"https://llm.example.org\"
  institution = \"Example University\"
  [saml]
  idp_metadata = \"https://idp.example.org/idp/shibboleth\"
  sp_keys = [{ key_file = \"sp.key\", cert_file = \"sp.crt\" }]
  allow = [{ attribute = \"affiliation\", any = [\"staff\", \"faculty\"] }]
  admin = [{ attribute = \"entitlement\", any = [\"urn:example:llm-admin\"] }]
  [keys]
  pepper_file = \"/run/secrets/pepper\"

A key for SAML: openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj /CN=llm.example.org -keyout sp.key -out sp.crt
The pepper is the gateways'. Settings, low to high: defaults, --config FILE (TOML), environment (LLMGW_SECTION__FIELD),
flags. `config reference` lists them all. Without an institution: portal.login = \"local\" prints a link at start.

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
