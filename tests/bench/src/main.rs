//! Measures the gateway beside nginx: the same load goes straight to a mock model server, through nginx, and
//! through the gateway, in turns, on one machine. Figures of one run compare; figures of two runs do not.

#![expect(
    clippy::disallowed_methods,
    reason = "a measurement reads the real clock and owns its few tasks"
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line: the table is its output"
)]

mod admin;
mod args;
mod load;
mod mock;
mod procstat;
mod report;
mod run;
mod scenario;
mod servers;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// What can go wrong here is shown and ends the run.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("llmgw-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<ExitCode, Failure> {
    let command = args::Args::parse().command;
    procstat::raise_open_files()?;
    // One thread: on two cores, every further one would be taken from what is measured.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        // Leaving drops what runs, and with it the processes it started.
        tokio::select! {
            code = obey(command) => code,
            _ = terminate.recv() => Ok(ExitCode::FAILURE),
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::FAILURE),
        }
    })
}

async fn obey(command: args::Command) -> Result<ExitCode, Failure> {
    match command {
        args::Command::Mock { listen } => mock::serve(listen).await.map(|()| ExitCode::SUCCESS),
        args::Command::Run(options) => run::run(&options).await,
    }
}
