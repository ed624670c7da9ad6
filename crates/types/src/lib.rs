//! The words every other crate speaks: ids, time, money, tokens, limits, and three small ports.
//!
//! This crate knows nothing of HTTP, stores, settings or the wall clock. It holds no helpers: what is
//! here has a meaning of its own in the product.
//!
//! ```
//! use llmgw_types::{Money, Price, TokenUsage};
//!
//! let price = Price {
//!     prompt: Money::from_nanos(500_000_000),
//!     cached_prompt: Money::from_nanos(50_000_000),
//!     completion: Money::from_nanos(1_500_000_000),
//!     ..Price::default()
//! };
//! let usage = TokenUsage { prompt: 1_000, cached: 400, completion: 200, reasoning: 0 };
//! // 600 fresh at 0.5, 400 cached at 0.05, 200 out at 1.5 per million
//! assert_eq!(price.cost(&usage), Money::from_nanos(620_000));
//! ```

mod change;
mod endpoint;
mod entropy;
mod error;
mod id;
mod limit;
mod money;
mod observer;
mod principal;
mod revision;
mod time;
mod tokens;

pub use change::{Change, ChangeFeed};
pub use endpoint::{Endpoint, UnknownEndpoint};
pub use entropy::{Entropy, random};
pub use error::StoreError;
pub use id::{ChainId, GroupName, IdError, KeyId, ModelId, RequestId, TargetId, UserId};
pub use limit::{Limit, LimitError, Unit, Window};
pub use money::{Money, Price};
pub use observer::{Blame, Event, NoObserver, Observer, RequestEnded};
pub use principal::{Principal, Role};
pub use revision::{Overtaken, Revision, until_kept};
pub use secrecy::{ExposeSecret, SecretString};
pub use time::{Clock, ManualClock, Timestamp};
pub use tokens::{TokenSource, TokenUsage, UnknownTokenSource};
