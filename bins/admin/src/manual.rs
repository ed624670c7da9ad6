//! Completions for shells, and manual pages: what `--help` says, in other forms.

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;
use llmgw_boot::Failure;

use crate::args::{Args, Command};
use crate::output;

/// Prints or writes it, where the command asks for it.
pub(crate) fn print(command: &Command) -> Option<Result<ExitCode, Failure>> {
    match command {
        Command::Completions { shell } => Some(Ok(output::text(&completions(*shell)))),
        Command::Man { folder } => Some(man(folder).map(|()| ExitCode::SUCCESS)),
        _ => None,
    }
}

fn completions(shell: Shell) -> String {
    let mut command = Args::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn man(folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display()).into();
    clap_mangen::generate_to(Args::command(), folder).map_err(failed)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let script = completions(*shell);
            for command in Args::command().get_subcommands() {
                let name = command.get_name();
                assert!(script.contains(name), "{shell}: {name}");
            }
        }
    }

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        man(folder.path()).unwrap();
        let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(page("llm-gateway-admin.1").contains("Exit codes"));
        assert!(page("llm-gateway-admin-apply.1").contains("service_accounts"));
        assert!(page("llm-gateway-admin-key-create.1").contains("owner"));
        let error = man(&folder.path().join("nowhere")).unwrap_err();
        assert!(error.text.contains("nowhere"), "{}", error.text);
    }
}
