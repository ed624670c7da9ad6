//! `llm-gateway-standalone`: gateway and administration in one process on an embedded store.

mod args;
mod data_dir;
mod first_start;
mod greeting;
mod serve;
mod servers;
mod settings;
mod tasks;
mod upstreams;
mod wire;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::settings::Settings;

/// Bad configuration (`EX_CONFIG` of sysexits.h).
const BAD_CONFIGURATION: u8 = 78;

fn main() -> ExitCode {
    let args = Args::parse();
    let settings = match Settings::load(&args) {
        Ok(settings) => settings,
        Err(error) => return greeting::failed(BAD_CONFIGURATION, &error),
    };
    if let Err(error) = llmgw_boot::start_logging(&settings.log) {
        return greeting::failed(BAD_CONFIGURATION, &error);
    }
    match actix_rt::System::new().block_on(serve::run(&args, settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => greeting::failed(1, &error),
    }
}
