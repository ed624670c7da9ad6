//! What every page shares: the frame around it, static files, the chart, and the form of numbers, money and times.
//!
//! Nothing here knows which views exist, so that another set of views can use it as well.

pub mod chart;

mod format;
mod frame;
mod markdown;
mod statics;

pub(crate) use format::counted;
pub use format::{Time, money, number};
pub use frame::{Frame, Notice, NoticeKind, Place, SiteNames, Who};
pub use markdown::markdown;
pub use statics::{Asset, asset, icon_path, script_path, style_path};
