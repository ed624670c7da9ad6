//! One short run: the long ones are `make chaos SEEDS=20`.

use std::path::Path;
use std::process::Command;

#[test]
fn the_ledger_is_true_while_everything_breaks() {
    let chaos = Path::new(env!("CARGO_BIN_EXE_llmgw-chaos"));
    let gateway = chaos.with_file_name("llm-gateway");
    assert!(
        gateway.exists(),
        "there is no {}; build it: cargo build --package llmgw-gateway",
        gateway.display()
    );
    let ran = Command::new(chaos)
        .args([
            "chaos",
            "--requests",
            "1500",
            "--longest",
            "2",
            "--first",
            "7",
            "--gateway",
        ])
        .arg(gateway)
        .output()
        .unwrap();
    eprintln!(
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(ran.status.success(), "the run of seed 7 is not as it must be");
}
