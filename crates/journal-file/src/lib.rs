//! The usage journal in local append-only files: what makes the ledger true when a gateway is killed or its
//! ledger is away.
//!
//! Each process owns a folder under a lock it holds for life, and appends to segments in it: a frame when a
//! request is opened, a frame with the whole record when it is closed. Nothing waits for the disk: the kernel
//! has what was written when the process is killed, and one thread makes it safe against a power cut ten
//! times a second. A process that starts takes over the folders of dead ones.
//!
//! ```
//! use llmgw_journal_file::{FileJournal, Options};
//! use llmgw_usage::journal::UsageJournal;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let dir = folder.path();
//! let journal = FileJournal::open_dir(dir, Options { max_bytes: Some(64 << 20) })?;
//! assert!(journal.next_batch(1_000)?.records.is_empty());
//! assert_eq!(journal.lag().records, 0);
//! # Ok(())
//! # }
//! ```
//!
//! This crate knows nothing of ledgers, of HTTP, or of what a record says.

mod adopt;
mod entry;
mod error;
mod folder;
mod frame;
mod journal;
mod lanes;
mod lock;
mod options;
mod position;
mod queue;
mod registry;
mod room;
mod scan;
mod segment;
mod sync;

pub use error::OpenError;
pub use journal::FileJournal;
pub use options::Options;
