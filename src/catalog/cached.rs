//! The catalog as an isolate remembers it.

use std::cell::Cell;

use crate::cache::Bounded;
use crate::ports::{CatalogPort, Failure};

/// Bounds of the records that an isolate remembers: those of the people online at one location.
const MAX_RECORDS: usize = 4_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Records by their key in KV, each with the time (seconds since 1970) until which it counts as
/// fresh. That there is none is never remembered: who is added may sign in as soon as KV knows.
#[derive(Debug)]
pub struct RecordCache(Bounded<String, Kept>);

/// A record's text and its end.
type Kept = (String, i64);

impl Default for RecordCache {
    fn default() -> Self {
        Self(Bounded::new(MAX_RECORDS, MAX_BYTES))
    }
}

/// The catalog for one request: from memory while a record is fresh, otherwise from KV.
#[derive(Debug)]
pub struct CachedCatalog<'a, P> {
    records: &'a RecordCache,
    ports: &'a P,
    now: i64,
    max_age: u32,
    fresh_until: Cell<i64>,
}

impl<'a, P> CachedCatalog<'a, P> {
    /// The catalog at the time `now`, in seconds since 1970, of which records are remembered for
    /// `max_age` seconds.
    pub const fn new(records: &'a RecordCache, ports: &'a P, now: i64, max_age: u32) -> Self {
        Self { records, ports, now, max_age, fresh_until: Cell::new(i64::MAX) }
    }

    /// Until when everything that was read is fresh, in seconds since 1970. What is derived from it
    /// must not be kept any longer.
    pub const fn fresh_until(&self) -> i64 {
        self.fresh_until.get()
    }

    fn rests_on(&self, until: i64) {
        self.fresh_until.set(self.fresh_until.get().min(until));
    }
}

impl<P: CatalogPort> CatalogPort for CachedCatalog<'_, P> {
    async fn read_catalog(&self, key: &str) -> Result<Option<String>, Failure> {
        if let Some((text, until)) = self.records.0.get(key, self.now) {
            self.rests_on(until);
            return Ok(Some(text));
        }
        let until = self.now + i64::from(self.max_age);
        let text = self.ports.read_catalog(key).await?;
        self.rests_on(until);
        if let Some(text) = &text {
            let bytes = key.len() + text.len();
            self.records.0.put(key.to_owned(), (text.clone(), until), until, bytes);
        }
        Ok(text)
    }

    fn forget(&self, key: &str) {
        self.records.0.remove(key);
    }
}
