//! The wire is faithful: there are two edits and no third.

mod edits;
mod headers;
mod interim;
mod recordings;
mod splits;
