//! `llm-gateway-admin`: looks after keys, models and usage from the command line.

mod apply;
mod args;
mod commands;
mod entrance;
mod import;
mod manual;
mod open;
mod output;
mod people;
mod serve;
mod settings;
mod tables;
mod told;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::run(Args::parse()).unwrap_or_else(|failure| output::failed(&failure))
}
