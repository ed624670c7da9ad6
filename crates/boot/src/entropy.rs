//! Randomness from the operating system.

use llmgw_types::Entropy;

/// The operating system's random bits.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness there is no safe key and no unique id: the process must not go on.
        if let Err(error) = getrandom::fill(bytes) {
            tracing::error!(%error, "the operating system gives no random bits");
            std::process::abort();
        }
    }
}
