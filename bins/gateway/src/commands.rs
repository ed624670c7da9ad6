//! What each command does.

use std::process::ExitCode;

use llmgw_boot::{Failure, ask_ready};

use crate::args::{Args, Command, ConfigCommand, JournalCommand};
use crate::checked::Checked;
use crate::settings::{self, Loaded};
use crate::{drain, output, serve};

/// Does what the command line says.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if let Command::Config(ConfigCommand::Reference) = args.command {
        return Ok(output::text(&settings::reference()));
    }
    let loaded = Loaded::load(args)?;
    match &args.command {
        Command::Config(ConfigCommand::Print) => Ok(output::text(&loaded.layers.print())),
        Command::Health => Ok(output::text(&ask_ready(loaded.settings.gateway.health_listen)?)),
        Command::Config(_) => check(&loaded),
        Command::Journal(JournalCommand::Drain { dir }) => drain::run(&loaded, dir),
        Command::Serve(serve) => serve::run(&loaded, serve.json),
    }
}

fn check(loaded: &Loaded) -> Result<ExitCode, Failure> {
    let _log = loaded.start_logging()?;
    Checked::check(loaded)?;
    Ok(output::checked(&loaded.sections()))
}
