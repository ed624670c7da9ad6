//! `audit ...`.

use std::path::PathBuf;

use clap::Subcommand;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Who changed what, newest first.
    List {
        /// The most to show, up to 1000
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        /// Only actions that begin like this: model., key.revoke
        #[arg(long, value_name = "TEXT")]
        action: Option<String>,
        /// Only about this: model:llama-3, user:UUID
        #[arg(long, value_name = "TEXT")]
        subject: Option<String>,
    },
    /// Print the ends of all chains as JSON. Kept where nobody who may change the store can write, they show later
    /// what was changed or taken out.
    Heads,
    /// Look whether anything was changed in the log or taken out of it; exit 1 where it was.
    Verify {
        /// A file that `audit heads` printed before
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
    },
}
