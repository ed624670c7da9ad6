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

/// Says where it serves, as one line for programs or as text for people. `link` logs its holder in, once.
pub(crate) fn serving(
    (listen, health): (SocketAddr, SocketAddr),
    public: &str,
    link: Option<&str>,
    json: bool,
) {
    if json {
        let mut line = json!({ "ready": true, "listen": listen.to_string(), "health": health.to_string() });
        if let Some(link) = link {
            line["login"] = link.into();
        }
        println!("{line}");
        return;
    }
    println!("LLMGateway's portal is ready.\n");
    println!("  Portal   {public}");
    println!("  Health   http://{health}/health/ready  and /metrics");
    if let Some(link) = link {
        println!("\nSign in with this link, which works once, for a day:\n\n  {link}");
    }
}

/// Says why nothing was done.
pub(crate) fn failed(failure: &Failure) -> ExitCode {
    eprintln!("error: {}", failure.text);
    ExitCode::from(failure.code)
}
