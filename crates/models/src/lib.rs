//! Public models and the ordered places that serve them: aliases, prices, access, secrets by reference.
//!
//! Requests look models up in the [`Catalog`], which is all in memory; stores are behind the port
//! [`ModelCatalog`]. Which target keeps which answer is behind [`AnswerPlaces`]. This crate knows nothing of HTTP or of any database, and never holds a secret, only
//! where one is.
//!
//! ```
//! use std::sync::Arc;
//!
//! use llmgw_models::{Catalog, MemoryModels, Model, ModelCatalog};
//! use llmgw_types::{ModelId, Timestamp};
//!
//! # futures_executor::block_on(async {
//! let store = Arc::new(MemoryModels::default());
//! let mut model = Model::new(ModelId::parse("qwen3-32b")?, Timestamp::from_millis(0));
//! model.aliases.push(ModelId::parse("default")?);
//! store.insert(&model).await?;
//!
//! let catalog = Catalog::new(store, Some("http://10.0.0.5:8000".to_owned()));
//! catalog.refresh().await?;
//! let served = catalog.find("default").ok_or("an alias is as good as the name")?;
//! // A model without a target of its own is at the default upstream.
//! assert_eq!(served.order()[0].target.base_url, "http://10.0.0.5:8000/qwen3-32b");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod allowed;
mod answers;
mod base_url;
mod catalog;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
mod memory;
mod model;
mod probe;
mod sealed;
mod service;
mod store;

pub use allowed::{AllowedTargets, NotAPlace};
pub use answers::{AnswerPlace, AnswerPlaces, MemoryAnswers};
pub use base_url::{base_url, check_base_url};
pub use catalog::{Catalog, Served, Stop};
pub use error::ModelError;
pub use memory::MemoryModels;
pub use model::{Access, Model, ModelState, Quirk, SecretRef, Target, Timeouts};
pub use probe::{Probed, TargetProbe};
pub use sealed::{SealedSecret, SecretSealer, SecretUnsealer};
pub use service::ModelService;
pub use store::{ModelCatalog, SecretResolver};
