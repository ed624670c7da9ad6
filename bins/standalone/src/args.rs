//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;
use llmgw_models::{ModelError, base_url};
use llmgw_types::{ModelId, SecretString};

/// An OpenAI-compatible gateway in front of your own model servers, in one process.
///
/// Checks API keys, holds limits, and counts every token exactly once. Everything it keeps is in one folder.
///
/// First start: makes the folder, an admin key, and an API key of the user `local`, and prints both once.
#[derive(Debug, Parser)]
#[command(name = "llm-gateway-standalone", version, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Serve model ID from the model server at URL, by calling URL/v1/chat/completions and so on.
    ///
    /// May be given several times, for several models. Kept in the data folder; given again with another URL
    /// it moves the model there.
    #[arg(long = "upstream", value_name = "ID=URL")]
    pub(crate) upstreams: Vec<UpstreamArg>,

    /// The API key of the model servers named by --upstream.
    ///
    /// Better set INFERENCE_KEY: other users of the machine can see a command line.
    #[arg(long, value_name = "KEY")]
    pub(crate) upstream_key: Option<SecretString>,

    /// Where the LLM API listens [default: 127.0.0.1:8080; port 0: any free port]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,

    /// Where the administration listens [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin_listen: Option<SocketAddr>,

    /// Where the portal listens [default: 127.0.0.1:8082, or any free port where that is taken]
    ///
    /// A page for making keys and seeing what was used. The link that lets you in is printed at start.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) portal_listen: Option<SocketAddr>,

    /// Where health checks and metrics are [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) health_listen: Option<SocketAddr>,

    /// The folder that holds everything: store, journal, secrets. Made at the first start; may hold other
    /// files.
    #[arg(long, value_name = "DIR", default_value = "llmgw-data")]
    pub(crate) data: PathBuf,

    /// A TOML file with settings.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Make a new admin key and print it; the old one stops working.
    #[arg(long)]
    pub(crate) new_admin_key: bool,

    /// When ready, print one line of JSON to stdout instead of text for people.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A model and where it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpstreamArg {
    pub(crate) model: ModelId,
    pub(crate) url: String,
}

impl FromStr for UpstreamArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, url) = text
            .split_once('=')
            .ok_or("expected ID=URL, as in smollm2=http://127.0.0.1:8000")?;
        let model = ModelId::parse(id).map_err(|error| error.to_string())?;
        let url = base_url(url).map_err(|error| match error {
            ModelError::Invalid { reason, .. } => format!("the URL {reason}"),
            other => other.to_string(),
        })?;
        Ok(Self { model, url })
    }
}

const AFTER_HELP: &str = "\
Examples:
  llm-gateway-standalone --upstream smollm2=http://127.0.0.1:8000
  llm-gateway-standalone --upstream a=http://10.0.0.5:8000 --upstream b=http://10.0.0.6:8000 --data /var/lib/llmgw

Settings, low to high: defaults, --config FILE (TOML), environment (LLMGW_SECTION__FIELD, as in
LLMGW_GATEWAY__MAX_BODY=64MiB), flags. LLM_DEFAULT_URL, INFERENCE_KEY and ADMIN_KEY work too.

A SIGTERM or Ctrl-C lets running requests end; a second one ends at once, and nothing is lost either way.

Exit codes: 0 done, 1 failed, 2 wrong usage, 78 bad configuration, 130 or 143 ended at once by a signal.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_read_as_people_write_them() {
        for text in [
            "m=http://h:1",
            "m=http://h:1/",
            "m=http://h:1/v1",
            "m=http://h:1/v1/",
        ] {
            assert_eq!(text.parse::<UpstreamArg>().unwrap().url, "http://h:1", "{text}");
        }
        let slashes = "a/b:c=http://h/x".parse::<UpstreamArg>().unwrap();
        assert_eq!((slashes.model.as_str(), &*slashes.url), ("a/b:c", "http://h/x"));
        for text in [
            "m",
            "m=h:1",
            "=http://h",
            "m m=http://h",
            "m=ftp://h",
            "m=http://u:p@h",
        ] {
            assert!(text.parse::<UpstreamArg>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_key_of_model_servers_is_not_shown() {
        let args = Args::parse_from(["llm-gateway-standalone", "--upstream-key", "sesame"]);
        assert!(args.upstream_key.is_some() && !format!("{args:?}").contains("sesame"));
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
