//! A few recently used values, the least recently used one forgotten first.

use std::sync::{Arc, Mutex, PoisonError};

/// Keeps values up to a total weight. Cheap to clone; clones share it.
pub struct Recent<K, V> {
    entries: Arc<Mutex<Vec<Entry<K, V>>>>,
    max_weight: usize,
}

struct Entry<K, V> {
    key: K,
    value: Arc<V>,
    weight: usize,
}

impl<K, V> Clone for Recent<K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), max_weight: self.max_weight }
    }
}

impl<K: PartialEq, V> Recent<K, V> {
    pub fn new(max_weight: usize) -> Self {
        Self { entries: Arc::default(), max_weight }
    }

    /// The value of `key`, which becomes the most recently used.
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let place = entries.iter().position(|entry| entry.key == *key)?;
        let entry = entries.remove(place);
        let value = entry.value.clone();
        entries.push(entry);
        Some(value)
    }

    /// Keeps a value; one that is heavier than everything allowed is not kept.
    pub fn put(&self, key: K, value: Arc<V>, weight: usize) {
        if weight > self.max_weight {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.key != key);
        entries.push(Entry { key, value, weight });
        let mut total: usize = entries.iter().map(|entry| entry.weight).sum();
        while total > self.max_weight {
            total -= entries.remove(0).weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let recent = Recent::new(10);
        for (key, weight) in [("a", 4), ("b", 4)] {
            recent.put(key, Arc::new(weight), weight);
        }
        assert_eq!(recent.get(&"a").as_deref(), Some(&4));
        recent.put("c", Arc::new(5), 5);
        assert_eq!(recent.get(&"b"), None);
        assert_eq!(recent.get(&"a").as_deref(), Some(&4));
        recent.put("c", Arc::new(6), 6);
        assert_eq!(recent.get(&"c").as_deref(), Some(&6));
        recent.put("huge", Arc::new(11), 11);
        assert_eq!(recent.get(&"huge"), None);
        assert_eq!(recent.get(&"a").as_deref(), Some(&4));
    }
}
