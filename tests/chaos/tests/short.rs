//! Short runs: the long ones are `make chaos SEEDS=20` and `make verify-stores`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "what fails here fails a test, and says why"
)]

use std::path::Path;
use std::process::Command;

fn run(args: &[&str]) {
    let chaos = Path::new(env!("CARGO_BIN_EXE_llmgw-chaos"));
    let gateway = chaos.with_file_name("llm-gateway");
    assert!(
        gateway.exists(),
        "there is no {}; build it: cargo build --package llmgw-gateway",
        gateway.display()
    );
    let ran = Command::new(chaos)
        .arg("--gateway")
        .arg(gateway)
        .args(args)
        .output()
        .unwrap();
    eprintln!(
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(ran.status.success(), "{args:?} found what must not be");
}

#[test]
fn the_ledger_is_true_while_everything_breaks() {
    run(&["chaos", "--requests", "1500", "--longest", "2", "--first", "7"]);
}

#[test]
fn single_promises_hold_over_three_gateways() {
    run(&["stores", "--quick"]);
}
