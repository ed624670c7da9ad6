//! `llm-gateway-standalone`: gateway and administration in one process on an embedded store.

mod args;
mod data_dir;
mod first_start;
mod greeting;
mod secrets;
mod serve;
mod settings;
mod upstreams;
mod wire;

use std::process::ExitCode;

use clap::Parser;
use llmgw_boot::Failure;

use crate::args::Args;
use crate::settings::Settings;

// A request allocates some hundred times: the system's allocator took a seventh of all CPU time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    run(&args).unwrap_or_else(|failure| greeting::failed(&failure))
}

fn run(args: &Args) -> Result<ExitCode, Failure> {
    let settings = Settings::load(args).map_err(Failure::configuration)?;
    let _log = llmgw_boot::start_logging(&settings.log).map_err(Failure::configuration)?;
    actix_rt::System::new().block_on(serve::run(args, &settings))
}
