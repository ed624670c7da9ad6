//! The views of the administration. Each is a struct of plain values; what the values mean stands at the fields.

mod doors;
mod frame;

pub use doors::{MessagePage, RefusedKey, SignInPage, SignedOutPage, StartPage};
pub use frame::{Frame, Place, Who};
