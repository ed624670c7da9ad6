//! The journal passes every case of the port, also in small segments.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use llmgw_journal_file::{FileJournal, Options};
use tempfile::TempDir;

fn fresh(max_bytes: Option<u64>) -> (Arc<FileJournal>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let journal = FileJournal::open_dir(folder.path(), Options { max_bytes }).unwrap();
    (journal, folder)
}

mod without_a_limit {
    llmgw_usage::usage_journal_contract!(super::fresh(None));
}

mod in_many_small_segments {
    // Room for all that waits at any time, in segments of a few hundred requests.
    llmgw_usage::usage_journal_contract!(super::fresh(Some(6 << 20)));
}
