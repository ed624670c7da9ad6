//! What this program prints for whoever called it. Everything else goes to the log.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the command line's own output"
)]

use std::net::SocketAddr;
use std::process::ExitCode;

use llmgw_boot::Failure;
use serde_json::json;

/// Prints a text as it is.
pub(crate) fn text(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

/// Says that each of these sections is well.
pub(crate) fn checked(sections: &[&str]) -> ExitCode {
    for section in sections {
        println!("ok  [{section}]");
    }
    ExitCode::SUCCESS
}

/// Says where it serves, as one line for programs or as text for people.
pub(crate) fn serving(listen: SocketAddr, health: SocketAddr, json: bool) {
    if json {
        println!(
            "{}",
            json!({ "ready": true, "listen": listen.to_string(), "health": health.to_string() })
        );
    } else {
        println!("LLMGateway is ready.\n");
        println!("  LLM API  http://{listen}/v1");
        println!("  Health   http://{health}/health/ready  and /metrics");
    }
}

/// Says how many records went to the ledger.
pub(crate) fn drained(records: u64) -> ExitCode {
    println!("{records} records were taken to the ledger");
    ExitCode::SUCCESS
}

/// Says why nothing was done.
pub(crate) fn failed(failure: &Failure) -> ExitCode {
    eprintln!("error: {}", failure.text);
    ExitCode::from(failure.code)
}
