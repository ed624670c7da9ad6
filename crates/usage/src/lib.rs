//! What requests use: whether they may (admission), what they did use (ledger), and how none of it is lost
//! on the way (journal).
//!
//! This crate knows nothing of HTTP or of any database; it reads no clock. Each of the three modules has a
//! port for stores and an in-memory adapter that defines what the port means.
//!
//! ```
//! use std::time::Duration;
//!
//! use llmgw_types::{Limit, Money, RequestId, Timestamp, Unit, Window};
//! use llmgw_usage::admission::{
//!     AdmissionStore, Calendar, Charge, MemoryAdmission, ReserveRequest, Reserved, Rule, Settled, Subject,
//! };
//!
//! # futures_executor::block_on(async {
//! let store = MemoryAdmission::new(Calendar::default());
//! let now = Timestamp::from_millis(1_790_000_000_000);
//! let subjects = [Subject::Everyone];
//! let rules = [Rule { subject: Subject::Everyone, limit: Limit::new(Unit::Tokens, Window::Day, 1_000)? }];
//! let estimate = Charge { requests: 1, tokens: 800, cost: Money::ZERO };
//! let lease = Duration::from_secs(60);
//! let ask = |id| ReserveRequest { id, now, lease, subjects: &subjects, rules: &rules, estimate };
//!
//! // 800 of 1,000 tokens are reserved, so that a second request has no room.
//! let first = RequestId::new(now, [1; 10]);
//! assert!(matches!(store.reserve(&ask(first)).await?, Reserved::Granted(_)));
//! let second = RequestId::new(now, [2; 10]);
//! assert!(matches!(store.reserve(&ask(second)).await?, Reserved::Refused(_)));
//!
//! // The first took less than was thought; now there is room.
//! let actual = Charge { tokens: 50, ..estimate };
//! store.settle(now, &[Settled { id: first, reserved_at: now, subjects: subjects.to_vec(), actual }]).await?;
//! assert!(matches!(store.reserve(&ask(second)).await?, Reserved::Granted(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod admission;
mod charges;
pub mod journal;
pub mod ledger;

pub use charges::{settled, subjects};
