//! May this request run? Limits are reserved before the model server is called, all that apply or none, and
//! settled to what was really used.

mod calendar;
#[cfg(feature = "contract")]
pub mod contract;
mod memory;
mod policy;
pub mod reconcile;
mod shared;
mod standing;
mod store;

pub use calendar::{Calendar, CalendarError, WindowSpan};
pub use memory::MemoryAdmission;
pub use policy::{GroupLimit, LimitPolicy, Limited};
pub use shared::{Finish, Generation, SharedCounters, Standing};
pub use standing::{LimitStore, MemoryLimits, SetLimits, StandingLimits};
pub use store::{
    AdmissionStore, Charge, Counter, Refusal, Reservation, ReserveRequest, Reserved, Rule, RuleState,
    Settled, Subject,
};
