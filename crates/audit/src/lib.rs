//! Who changed what and when, in chains of hashes that show what was changed or taken out afterwards.
//!
//! A change is written down twice: `intended` before it is made, `done` or `failed` after. Each process has a
//! chain of its own, in which every entry names the hash of the one before. Heads of chains, exported to a place
//! that the writers of the log cannot reach, hold the past as it was: see [`verify`].
//!
//! Entries hold no secret and no person's name: who writes one takes care of it. This crate knows nothing of HTTP,
//! of what is changed, or of any database; the log is behind the port [`AuditLog`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use llmgw_audit::{Actor, AuditLog, Auditor, Deed, MemoryAudit, verify};
//! use llmgw_types::{Entropy, ManualClock, StoreError, Timestamp};
//! # struct Dice;
//! # impl Entropy for Dice {
//! #     fn fill(&self, bytes: &mut [u8]) {
//! #         bytes.fill(4);
//! #     }
//! # }
//!
//! # futures_executor::block_on(async {
//! let log = Arc::new(MemoryAudit::default());
//! let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
//! let auditor = Auditor::new(log.clone(), clock, Arc::new(Dice));
//!
//! let intended = auditor.intend(Deed {
//!     actor: Actor::AdminKey,
//!     origin: Some("127.0.0.1".to_owned()),
//!     action: "model.remove".to_owned(),
//!     subject: "model:llama-3".to_owned(),
//!     before: Some(serde_json::json!({ "weight": 1 })),
//!     after: None,
//! });
//! let intended = intended.await?; // no entry, no change
//! // ... the model is removed here ...
//! auditor.done(intended, None).await?;
//!
//! let exported = log.heads().await?;
//! let verified = verify(&*log, &exported).await?;
//! assert_eq!((verified.entries, verified.unfinished, verified.faults.len()), (2, 0, 0));
//! # Ok::<(), StoreError>(())
//! # })?;
//! # Ok::<(), StoreError>(())
//! ```

mod actor;
#[cfg(feature = "contract")]
pub mod contract;
mod digest;
mod entry;
mod error;
mod memory;
mod service;
mod store;
mod verify;

pub use actor::Actor;
pub use digest::Digest;
pub use entry::{AuditEntry, Stage};
pub use error::{ActorError, CursorError, DigestError};
pub use llmgw_types::ChainId;
pub use memory::MemoryAudit;
pub use service::{Auditor, Deed, Intended};
pub use store::{AuditLog, AuditQuery, Cursor, Head};
pub use verify::{Fault, Verified, Witness, Wrong, verify};
