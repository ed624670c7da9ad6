//! Public models and the ordered places that serve them.

mod catalog;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
mod memory;
mod model;
mod service;
mod store;

pub use catalog::{Catalog, Served, Stop};
pub use error::ModelError;
pub use memory::MemoryModels;
pub use model::{Access, Model, ModelState, Quirk, SecretRef, Target, Timeouts};
pub use service::ModelService;
pub use store::{ModelCatalog, SecretResolver};
