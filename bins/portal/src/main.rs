//! `llm-gateway-portal`: people log in with their institution and look after their own keys.

mod agreement;
mod args;
mod checked;
mod commands;
mod metadata;
mod output;
mod saml;
mod serve;
mod settings;
#[cfg(test)]
mod tests;
mod wire;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;

fn main() -> ExitCode {
    commands::run(&Args::parse()).unwrap_or_else(|failure| output::failed(&failure))
}
