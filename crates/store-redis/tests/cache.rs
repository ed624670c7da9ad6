//! Keys, users and models through Redis: the ports' contracts, what is asked of the store and what is not, and
//! that nothing which was changed comes back.

mod keys;
mod models;
mod shaky;
mod users;
