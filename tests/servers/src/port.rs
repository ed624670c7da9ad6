//! Free ports that stay free while their server is down.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};

// Below the ports that systems give to outgoing connections (32768 and up on Linux): a client that keeps
// trying to reach a server that is down could otherwise be given that very port, and connect to itself.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// A port that nobody listens on right now.
pub(crate) fn free() -> u16 {
    std::iter::repeat_with(any)
        .take(1_000)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port")
}

fn any() -> u16 {
    // Every `RandomState` hashes differently, which is all the randomness that std gives.
    let random = RandomState::new().build_hasher().finish();
    FIRST + u16::try_from(random % u64::from(COUNT)).unwrap_or_default()
}
