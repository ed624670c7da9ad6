//! Randomness from the operating system.

use std::cell::RefCell;

use llmgw_types::Entropy;

/// No more than this is taken from what was fetched ahead: ids, which everybody may see. Secrets are longer, and
/// their bits are never kept anywhere.
const LONGEST_OF_IDS: usize = 16;
const AHEAD: usize = 1_024;

/// The operating system's random bits.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

// Each thread's own: asking the system for every id costs more than making the id.
struct Ahead {
    bytes: [u8; AHEAD],
    used: usize,
}

thread_local! {
    static IDS: RefCell<Ahead> = const { RefCell::new(Ahead { bytes: [0; AHEAD], used: AHEAD }) };
}

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() <= LONGEST_OF_IDS {
            IDS.with_borrow_mut(|ahead| ahead.fill(bytes));
        } else {
            fetch(bytes);
        }
    }
}

impl Ahead {
    fn fill(&mut self, bytes: &mut [u8]) {
        if self.used + bytes.len() > AHEAD {
            fetch(&mut self.bytes);
            self.used = 0;
        }
        let end = self.used + bytes.len();
        bytes.copy_from_slice(&self.bytes[self.used..end]);
        self.used = end;
    }
}

fn fetch(bytes: &mut [u8]) {
    // Without randomness there is no safe key and no unique id: the process must not go on.
    if let Err(error) = getrandom::fill(bytes) {
        tracing::error!(%error, "the operating system gives no random bits");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use llmgw_types::random;

    use super::*;

    #[test]
    fn nothing_is_given_twice() {
        let ids: HashSet<[u8; 10]> = (0..10_000).map(|_| random(&OsEntropy)).collect();
        assert_eq!(ids.len(), 10_000);
        let secrets: HashSet<[u8; 32]> = (0..100).map(|_| random(&OsEntropy)).collect();
        assert_eq!(secrets.len(), 100);
    }
}
