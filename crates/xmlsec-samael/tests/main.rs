//! Answers of an identity provider that forges, through the whole of the service provider: what real ones send is
//! taken, whatever else is refused, and nobody is called.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "main/corpus.rs"]
mod corpus;
#[path = "main/edges.rs"]
mod edges;
#[path = "main/fuzz.rs"]
mod fuzz;
#[path = "main/logout.rs"]
mod logout;
#[path = "main/simplesaml.rs"]
mod simplesaml;
#[path = "main/world.rs"]
mod world;
