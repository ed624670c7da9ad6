//! Audit entries.

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
