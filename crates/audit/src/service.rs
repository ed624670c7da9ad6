//! Writing down what is about to be changed, and what came of it.

mod tail;

use std::fmt;
use std::sync::Arc;

use llmgw_types::{Clock, Entropy, StoreError, Timestamp};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{Actor, AuditEntry, AuditLog, ChainId, Digest, Stage};
use tail::Tail;

/// How many earlier entries, given up by their callers, may come in before a new one before it is given up too.
const MOST_SURPRISES: usize = 16;

/// A change that somebody is about to make. It must hold no secret and no person's name.
#[derive(Debug, Clone)]
pub struct Deed {
    /// Who.
    pub actor: Actor,
    /// From where: a peer's address, or `command line`.
    pub origin: Option<String>,
    /// What is done, like `model.replace`.
    pub action: String,
    /// To what, like `model:llama-3`.
    pub subject: String,
    /// What stands there now.
    pub before: Option<Value>,
    /// What is to stand there.
    pub after: Option<Value>,
}

/// A change that was written down and may now be made. Its end is told by [`Auditor::done`] or
/// [`Auditor::failed`]. Dropped without either it leaves the intended entry alone, as a killed process does: the
/// change may have been made or not.
#[derive(Debug)]
#[must_use = "the change has an end, which is written down as well"]
pub struct Intended(AuditEntry);

impl Intended {
    /// The entry that was written.
    #[must_use]
    pub const fn entry(&self) -> &AuditEntry {
        &self.0
    }
}

/// Writes the entries of this process, in a chain of its own that begins with the first one.
///
/// Entries are written one after the other. A caller that no longer waits leaves its entry written or not; the
/// next one asks the log how far the chain has come, so that it neither forks nor breaks. Where the log lost the
/// end of this chain (an older copy was put back, say) nothing is written until the process starts anew: that end
/// is to be missed.
pub struct Auditor {
    log: Arc<dyn AuditLog>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    tail: Mutex<Option<Tail>>,
}

impl Auditor {
    /// One for this process. Nothing is written yet.
    #[must_use]
    pub fn new(log: Arc<dyn AuditLog>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            log,
            clock,
            entropy,
            tail: Mutex::new(None),
        }
    }

    /// Writes down what is about to be done. Whoever gets an error must not do it.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn intend(&self, deed: Deed) -> Result<Intended, StoreError> {
        let deed = AuditEntry {
            chain: ChainId::from_bytes([0; 16]),
            seq: 0,
            at: Timestamp::default(),
            stage: Stage::Intended,
            of: None,
            actor: deed.actor,
            origin: deed.origin,
            action: deed.action,
            subject: deed.subject,
            before: deed.before,
            after: deed.after,
            error: None,
            previous: Digest::from_bytes([0; 32]),
            hash: Digest::from_bytes([0; 32]),
        };
        self.append(deed).await.map(Intended)
    }

    /// Writes down that it was done, and what stands there now where that is not what was intended.
    ///
    /// # Errors
    /// When the log cannot be written: the change was made, and its end may be missing in the log.
    pub async fn done(&self, intended: Intended, after: Option<Value>) -> Result<(), StoreError> {
        self.end(intended, Stage::Done, after, None).await
    }

    /// Writes down that it was not done, and why, without secrets.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn failed(&self, intended: Intended, why: impl Into<String> + Send) -> Result<(), StoreError> {
        self.end(intended, Stage::Failed, None, Some(why.into())).await
    }

    async fn end(
        &self,
        Intended(intended): Intended,
        stage: Stage,
        after: Option<Value>,
        error: Option<String>,
    ) -> Result<(), StoreError> {
        let end = AuditEntry {
            stage,
            of: Some(intended.seq),
            before: None,
            after,
            error,
            ..intended
        };
        self.append(end).await.map(drop)
    }

    /// Appends `entry` at the end of the chain, whose place in it is still open.
    async fn append(&self, mut entry: AuditEntry) -> Result<AuditEntry, StoreError> {
        let mut tail = self.tail.lock().await;
        let tail = tail.get_or_insert_with(|| Tail::of_new(&*self.clock, &*self.entropy));
        tail.refuse_of_others(&entry)?;
        // In its turn, so that times go up with numbers.
        entry.at = self.clock.now();
        for _ in 0..MOST_SURPRISES {
            tail.make_sure(&*self.log).await?;
            entry = tail.followed_by(entry);
            // From here on the log may or may not have it, also when nobody waits for this any longer.
            tail.doubt();
            match self.log.append(&entry).await {
                Ok(()) => {
                    tail.advance(&entry);
                    return Ok(entry);
                }
                // An entry that its caller gave up came in first; or it is this one, and only the answer was lost.
                Err(StoreError::Exists { .. }) => {
                    tail.make_sure(&*self.log).await?;
                    if tail.is_at(&entry) {
                        return Ok(entry);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let what = format!("entry {} of audit chain {}", entry.seq, entry.chain);
        Err(StoreError::Exists { what })
    }
}

impl fmt::Debug for Auditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auditor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
