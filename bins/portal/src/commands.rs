//! What each command does.

use std::process::ExitCode;

use llmgw_boot::{Failure, ask_ready};

use crate::args::{Args, Command, ConfigCommand};
use crate::checked::Checked;
use crate::settings::{self, Loaded};
use crate::{output, serve};

/// Does what the command line says.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match args.command {
        Command::Config(ConfigCommand::Reference) => return Ok(output::text(&settings::reference())),
        Command::Openapi => {
            let text = llmgw_portal_http::openapi().map_err(|error| error.to_string())?;
            return Ok(output::text(&format!("{text}\n")));
        }
        _ => {}
    }
    let loaded = Loaded::load(args)?;
    match &args.command {
        Command::Config(ConfigCommand::Print) => Ok(output::text(&loaded.layers.print())),
        Command::Health => Ok(output::text(&ask_ready(loaded.settings.portal.health_listen)?)),
        Command::Serve(serve) => serve::run(&loaded, serve.json),
        Command::Metadata => {
            let checked = Checked::check(&loaded)?;
            let saml = checked
                .saml
                .ok_or_else(|| "portal.login is `local`: there is no identity provider to tell".to_owned())?;
            Ok(output::text(&format!("{}\n", saml.we.metadata())))
        }
        _ => {
            let _log = loaded.start_logging()?;
            Checked::check(&loaded)?;
            Ok(output::checked(&loaded.sections()))
        }
    }
}
