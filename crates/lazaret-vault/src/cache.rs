//! A bounded cache for many threads: what was not used for a whole generation is forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 16;

/// Entries under keys of 16 bytes, which are keyed digests.
pub(crate) struct Cache<V> {
    shards: [Mutex<Shard<V>>; SHARDS],
    most_young: usize,
}

struct Shard<V> {
    young: HashMap<[u8; 16], V>,
    old: HashMap<[u8; 16], V>,
}

impl<V: Clone> Cache<V> {
    /// A cache of at most about `most` entries.
    pub(crate) fn new(most: u64) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let shard = || Mutex::new(Shard { young: HashMap::new(), old: HashMap::new() });
        Self { shards: std::array::from_fn(|_| shard()), most_young: (most / SHARDS / 2).max(1) }
    }

    /// An entry.
    pub(crate) fn get(&self, key: &[u8; 16]) -> Option<V> {
        let mut shard = self.shard(key);
        if let Some(value) = shard.young.get(key) {
            return Some(value.clone());
        }
        let value = shard.old.remove(key)?;
        self.keep(&mut shard, *key, value.clone());
        Some(value)
    }

    /// Adds or changes an entry.
    pub(crate) fn put(&self, key: [u8; 16], value: V) {
        let mut shard = self.shard(&key);
        shard.old.remove(&key);
        self.keep(&mut shard, key, value);
    }

    /// Forgets an entry.
    pub(crate) fn remove(&self, key: &[u8; 16]) {
        let mut shard = self.shard(key);
        shard.young.remove(key);
        shard.old.remove(key);
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.young.clear();
            shard.old.clear();
        }
    }

    fn keep(&self, shard: &mut Shard<V>, key: [u8; 16], value: V) {
        if shard.young.len() >= self.most_young {
            shard.old = std::mem::take(&mut shard.young);
        }
        shard.young.insert(key, value);
    }

    #[expect(clippy::indexing_slicing, reason = "a remainder by the number of shards is below it")]
    fn shard(&self, key: &[u8; 16]) -> MutexGuard<'_, Shard<V>> {
        // An entry is whole or absent whatever panicked: the lock's poison means nothing here.
        self.shards[usize::from(key[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> [u8; 16] {
        let mut key = [0; 16];
        key[12..].copy_from_slice(&n.to_be_bytes());
        key
    }

    #[test]
    fn what_is_used_stays_and_the_cache_stays_small() {
        let cache = Cache::new(320); // 10 young ones in each shard
        cache.put(key(0), 0);
        for n in 1..10_000 {
            cache.put(key(n), n);
            assert_eq!(cache.get(&key(0)), Some(0), "used after {n}");
        }
        let held = (0..10_000).filter(|n| cache.get(&key(*n)).is_some()).count();
        assert!(held <= 320, "{held}");
        cache.remove(&key(0));
        assert_eq!(cache.get(&key(0)), None);
        cache.put(key(1), 1);
        cache.clear();
        assert_eq!(cache.get(&key(1)), None);
    }
}
