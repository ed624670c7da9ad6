//! How often keys were refused, by where they came from: whoever tries many is slowed down, and nobody else is.

use core::net::IpAddr;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Refused keys a minute from one origin that are told what was wrong with them.
const MOST: u32 = 20;

const MINUTE: Duration = Duration::from_mins(1);

/// So many origins are told apart within a minute. Beyond, new ones are not counted: memory is bounded, and a key
/// has 256 bits.
const MOST_ORIGINS: usize = 100_000;

/// Where an attempt comes from: an address, or a network of addresses that one client has, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(pub u128);

impl From<IpAddr> for Origin {
    // One client of IPv6 has at least a network of 64 bits.
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.to_ipv6_mapped().to_bits()),
            IpAddr::V6(address) => Self(address.to_bits() >> 64 << 64),
        }
    }
}

/// Counts refused keys by the minute.
#[derive(Debug, Default)]
pub struct Failures(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    minute: u64,
    of: HashMap<Origin, u32>,
}

impl Failures {
    /// Takes note of a refused key at `now`, on a clock that never steps. Where there were too many from that
    /// origin, returns how long to wait before the next.
    pub fn note(&self, origin: Origin, now: Duration) -> Option<Duration> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.as_secs() / MINUTE.as_secs();
        if counted.minute != minute {
            counted.minute = minute;
            counted.of.clear();
        }
        if counted.of.len() >= MOST_ORIGINS && !counted.of.contains_key(&origin) {
            return None;
        }
        let count = counted.of.entry(origin).or_default();
        *count = count.saturating_add(1);
        let next = MINUTE * u32::try_from(minute + 1).unwrap_or(u32::MAX);
        (*count > MOST).then(|| next.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_from_one_origin_wait_for_the_next_minute() {
        let failures = Failures::default();
        let at = Duration::from_secs(70);
        for _ in 0..MOST {
            assert_eq!(failures.note(Origin(1), at), None);
        }
        assert_eq!(failures.note(Origin(1), at), Some(Duration::from_secs(50)));
        assert_eq!(failures.note(Origin(2), at), None);
        assert_eq!(failures.note(Origin(1), at + MINUTE), None);
    }

    #[test]
    fn a_network_of_ipv6_is_one_origin() {
        let of = |text: &str| Origin::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
    }

    #[test]
    fn memory_is_bounded() {
        let failures = Failures::default();
        for origin in 0..200_000 {
            failures.note(Origin(origin), Duration::ZERO);
        }
        assert_eq!(failures.0.lock().unwrap().of.len(), MOST_ORIGINS);
    }
}
