//! The views of the portal. Each is a struct of plain values; what the values mean stands at the fields.

mod keys;
mod made;
mod models;
mod snippets;
mod start;
mod usage;

pub use keys::{FieldError, KeyRow, KeyStateView, KeysPage, NewKeyForm, RevokePage};
pub use made::MadeKeyPage;
pub use models::{LimitRow, LimitsPage, ModelRow, ModelsPage};
pub use start::{
    AgreementPage, ErrorPage, HandOverPage, LeavePage, RefusedPage, SignInPage, SignedOutPage, Way,
};
pub use usage::{Period, Totals, UsagePage, UsageRow};
