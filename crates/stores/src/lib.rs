//! Opens the stores that settings name: what several binaries would otherwise each say anew. For binaries only.
//!
//! Nothing here touches the network: [`Lasting`] and a Redis store are ready to be asked, and say then whether
//! they can be reached. It knows no route and no command line.

mod lasting;
mod looks;
mod peppers;
mod redis;
mod sealing;

pub use lasting::{Kept, Lasting};
pub use llmgw_store_mongo::{MongoStore, StartError};
pub use looks::{Answered, Looks};
pub use peppers::peppers;
pub use redis::{redis, redis_for_pages};
pub use sealing::sealing;

fn key_or_file(key: &str, in_file: bool) -> String {
    let ending = if in_file { "_file" } else { "" };
    format!("{key}{ending}")
}
