//! A cache that cannot grow without bound and forgets what has expired: bounded in number and in
//! bytes, the least recently used goes first. The bookkeeping of use is the `lru` crate's.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::hash::Hash;

use lru::LruCache;

/// A bounded cache with a time of death for each value. Holds results, never promises.
#[derive(Debug)]
pub struct Bounded<K: Hash + Eq, V>(RefCell<Inner<K, V>>);

#[derive(Debug)]
struct Inner<K: Hash + Eq, V> {
    entries: LruCache<K, Entry<V>>,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    expires_at: i64,
    bytes: usize,
}

impl<K: Hash + Eq, V: Clone> Bounded<K, V> {
    /// A cache of at most `max_entries` values of `max_bytes` bytes together.
    #[must_use]
    pub fn new(max_entries: usize, max_bytes: usize) -> Self {
        let entries = LruCache::unbounded();
        Self(RefCell::new(Inner { entries, bytes: 0, max_entries, max_bytes }))
    }

    /// The value, if it is there and `now` is before its end (seconds since 1970).
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q, now: i64) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut inner = self.0.borrow_mut();
        let entry = inner.entries.get(key)?;
        if entry.expires_at > now {
            return Some(entry.value.clone());
        }
        drop(inner);
        self.remove(key);
        None
    }

    /// Keeps a value no longer.
    pub fn remove<Q: Hash + Eq + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        let mut inner = self.0.borrow_mut();
        if let Some(dead) = inner.entries.pop(key) {
            inner.bytes = inner.bytes.saturating_sub(dead.bytes);
        }
    }

    /// Keeps a value of `bytes` bytes until `expires_at`. One that alone is over the bound is not
    /// kept.
    pub fn put(&self, key: K, value: V, expires_at: i64, bytes: usize) {
        let mut inner = self.0.borrow_mut();
        if bytes > inner.max_bytes {
            return;
        }
        if let Some(old) = inner.entries.put(key, Entry { value, expires_at, bytes }) {
            inner.bytes = inner.bytes.saturating_sub(old.bytes);
        }
        inner.bytes += bytes;
        while inner.entries.len() > inner.max_entries || inner.bytes > inner.max_bytes {
            match inner.entries.pop_lru() {
                Some((_, old)) => inner.bytes = inner.bytes.saturating_sub(old.bytes),
                None => break,
            }
        }
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.borrow().entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn a_value_is_gone_at_the_second_of_its_end() {
        let cache = Bounded::new(10, 100);
        cache.put("a", 1, 50, 1);
        assert_eq!(cache.get(&"a", 49), Some(1));
        assert_eq!(cache.get(&"a", 50), None);
        assert!(cache.is_empty());
    }

    #[test]
    fn the_least_recently_used_goes_when_there_are_too_many() {
        let cache = Bounded::new(2, 100);
        cache.put("a", 1, 50, 1);
        cache.put("b", 2, 50, 1);
        assert_eq!(cache.get(&"a", 0), Some(1));
        cache.put("c", 3, 50, 1);
        assert_eq!((cache.get(&"a", 0), cache.get(&"b", 0)), (Some(1), None));
    }

    #[test]
    fn bytes_are_bounded_and_one_value_over_the_bound_is_not_kept() {
        let cache = Bounded::new(100, 10);
        for key in 0..50 {
            cache.put(key, key, 50, 4);
        }
        assert_eq!(cache.len(), 2);
        cache.put(99, 99, 50, 11);
        assert_eq!(cache.get(&99, 0), None);
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn replacing_a_value_counts_its_bytes_once() {
        let cache = Bounded::new(100, 10);
        for round in 0..50 {
            cache.put("a", round, 50, 6);
        }
        cache.put("b", 0, 50, 4);
        assert_eq!((cache.get(&"a", 0), cache.len()), (Some(49), 2));
    }
}
