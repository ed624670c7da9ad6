//! `llm-gateway`: the LLM API, for any number of replicas over MongoDB and Redis.

mod args;
mod checked;
mod commands;
mod drain;
mod output;
mod serve;
mod settings;
mod wire;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;

// A request allocates some hundred times: the system's allocator took a seventh of all CPU time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::run(&Args::parse()).unwrap_or_else(|failure| output::failed(&failure))
}
