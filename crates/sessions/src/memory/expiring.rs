//! A map whose entries are absent from a moment on, and swept out afterwards.

use std::collections::{BTreeMap, BTreeSet};

use llmgw_types::Timestamp;

/// So many entries go in one sweep at most, so that nobody waits long. It is done before each new entry, so the
/// map holds hardly more than what is not over.
const AT_ONCE: usize = 64;

#[derive(Debug)]
pub(super) struct Expiring<K, V> {
    entries: BTreeMap<K, (V, Timestamp)>,
    // The same entries in the order in which they end.
    ends: BTreeSet<(Timestamp, K)>,
}

impl<K, V> Default for Expiring<K, V> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            ends: BTreeSet::new(),
        }
    }
}

impl<K: Ord + Clone, V> Expiring<K, V> {
    pub(super) fn get(&self, key: &K, now: Timestamp) -> Option<&V> {
        let (value, until) = self.entries.get(key)?;
        (now < *until).then_some(value)
    }

    pub(super) fn put(&mut self, key: K, value: V, until: Timestamp) {
        self.remove(&key);
        self.ends.insert((until, key.clone()));
        self.entries.insert(key, (value, until));
    }

    /// The value and its end, also of one that is over.
    pub(super) fn remove(&mut self, key: &K) -> Option<(V, Timestamp)> {
        let (key, (value, until)) = self.entries.remove_entry(key)?;
        self.ends.remove(&(until, key));
        Some((value, until))
    }

    /// Removes all that are meant; returns how many.
    pub(super) fn remove_all(&mut self, meant: impl Fn(&V) -> bool) -> u64 {
        let ends = &mut self.ends;
        let mut removed = 0;
        self.entries.retain(|key, (value, until)| {
            let goes = meant(value);
            if goes {
                ends.remove(&(*until, key.clone()));
                removed += 1;
            }
            !goes
        });
        removed
    }

    /// Lets go of entries that are over, the oldest first.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        for _ in 0..AT_ONCE {
            let over = self.ends.pop_first();
            match over {
                Some((until, key)) if until <= now => self.entries.remove(&key),
                Some(not_yet) => {
                    self.ends.insert(not_yet);
                    return;
                }
                None => return,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Put(u8, i64),
        Remove(u8),
        RemoveAll(u8),
        Sweep(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..8_u8, 0..50_i64).prop_map(|(key, until)| Step::Put(key, until)),
            1 => (0..8_u8).prop_map(Step::Remove),
            1 => (0..3_u8).prop_map(Step::RemoveAll),
            1 => (0..50_i64).prop_map(Step::Sweep),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn it_is_a_map_that_forgets(steps in steps()) {
            let mut expiring = Expiring::default();
            let mut plain: BTreeMap<u8, i64> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Put(key, until) => {
                        expiring.put(key, key, Timestamp::from_micros(until));
                        plain.insert(key, until);
                    }
                    Step::Remove(key) => {
                        let removed = expiring.remove(&key).map(|(_, until)| until.as_micros());
                        prop_assert_eq!(removed, plain.remove(&key));
                    }
                    Step::RemoveAll(rest) => {
                        let before = plain.len();
                        plain.retain(|key, _| key % 3 != rest);
                        let removed = expiring.remove_all(|key| key % 3 == rest);
                        prop_assert_eq!(removed, (before - plain.len()) as u64);
                    }
                    Step::Sweep(now) => {
                        plain.retain(|_, until| *until > now);
                        expiring.sweep(Timestamp::from_micros(now));
                    }
                }
                let by_key: BTreeSet<_> = expiring.entries.iter().map(|(key, (_, until))| (*until, *key)).collect();
                prop_assert_eq!(&by_key, &expiring.ends);
                for now in [0, 20, 49] {
                    for key in 0..8 {
                        let live = plain.get(&key).is_some_and(|until| now < *until);
                        prop_assert_eq!(expiring.get(&key, Timestamp::from_micros(now)).is_some(), live);
                    }
                }
            }
        }
    }

    #[test]
    fn a_sweep_is_bounded_and_the_next_goes_on() {
        let mut expiring = Expiring::default();
        for key in 0..100 {
            expiring.put(key, (), Timestamp::from_micros(5));
        }
        expiring.sweep(Timestamp::from_micros(5));
        assert_eq!(expiring.entries.len(), 100 - AT_ONCE);
        expiring.sweep(Timestamp::from_micros(5));
        assert!(expiring.entries.is_empty() && expiring.ends.is_empty());
    }
}
