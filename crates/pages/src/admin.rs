//! The views of the administration. Each is a struct of plain values; what the values mean stands at the fields.

mod audit;
mod doors;
mod form;
mod frame;
mod keys;
mod limits;
mod models;
mod pages;
mod reports;
mod users;
mod when;

pub use audit::{AuditPage, Checked, EntryLine};
pub use doors::{MessagePage, RefusedKey, SignInPage, SignedOutPage};
pub(crate) use form::LIMITS;
pub use form::{Difference, Filled};
pub use frame::{Frame, Place, Who};
pub use keys::{KeyLine, KeyPage, KeyWord, KeysPage, LeftLine, NewKeyPage};
pub use limits::{GroupLine, GroupPage, LimitsPage};
pub use models::{ModelLine, ModelPage, ModelsPage};
pub use pages::{ConfirmPage, MadePage};
pub use reports::{OverviewPage, ReportsPage, SumLine, TargetLine};
pub use users::{NewUserPage, UserLine, UserPage, UsersPage};
pub use when::When;
