//! The seven stages. Each file has one public function, from the previous stage's type to its own; a stage's
//! type has private fields and is made nowhere else, so that no stage can be left out. [`session`] goes the same way
//! for WebSockets.

pub mod admit;
pub mod authenticate;
pub mod forward;
pub mod intake;
pub mod meter;
pub mod resolve;
pub mod session;
pub mod settle;
