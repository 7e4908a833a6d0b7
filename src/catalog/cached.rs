//! The catalog as an isolate remembers it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use crate::cache::Bounded;
use crate::ports::{CatalogPort, Failure};

/// Bounds of the records that an isolate remembers: those of the people online at one location.
const MAX_RECORDS: usize = 4_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The most keys that are read ahead at once.
const MAX_AHEAD: usize = 16;

/// How long a key counts as being read ahead if its request is cut off, in seconds: as long as KV may
/// take.
const AHEAD_TURN: i64 = 3;

/// Records by their key in KV, each with the time (seconds since 1970) until which it counts as
/// fresh. That there is none is never remembered: who is added may sign in as soon as KV knows.
#[derive(Debug)]
pub struct RecordCache {
    records: Bounded<String, Kept>,
    /// The keys that are being read ahead, each with the end of its turn, in seconds since 1970.
    ahead: RefCell<Vec<(String, i64)>>,
}

/// A record's text and its end.
type Kept = (String, i64);

impl Default for RecordCache {
    fn default() -> Self {
        Self { records: Bounded::new(MAX_RECORDS, MAX_BYTES), ahead: RefCell::default() }
    }
}

impl RecordCache {
    /// Whether this key may be read ahead now. Not if it is in memory, if another request reads it, or if
    /// many are being read: what helps one request must not double the reads of a flood.
    fn begin_ahead(&self, key: &str, now: i64) -> bool {
        let mut ahead = self.ahead.borrow_mut();
        // The turn of a request that was cut off ends by itself.
        ahead.retain(|(_, until)| (now..=now + AHEAD_TURN).contains(until));
        let may_read = ahead.len() < MAX_AHEAD
            && ahead.iter().all(|(other, _)| other != key)
            && self.records.get(key, now).is_none();
        if may_read {
            ahead.push((key.to_owned(), now + AHEAD_TURN));
        }
        may_read
    }

    fn end_ahead(&self, key: &str) {
        self.ahead.borrow_mut().retain(|(other, _)| other != key);
    }
}

/// A read of KV that has begun.
type Read<'a> = Pin<Box<dyn Future<Output = Result<Option<String>, Failure>> + 'a>>;

/// The catalog for one request: from memory while a record is fresh, otherwise from KV.
pub struct CachedCatalog<'a, P> {
    records: &'a RecordCache,
    ports: &'a P,
    now: i64,
    max_age: u32,
    fresh_until: Cell<i64>,
    /// The key that is read ahead, and its read.
    ahead: RefCell<Option<(String, Read<'a>)>>,
}

impl<P> fmt::Debug for CachedCatalog<'_, P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CachedCatalog").field("now", &self.now).finish_non_exhaustive()
    }
}

impl<'a, P> CachedCatalog<'a, P> {
    /// The catalog at the time `now`, in seconds since 1970, of which records are remembered for
    /// `max_age` seconds.
    pub fn new(records: &'a RecordCache, ports: &'a P, now: i64, max_age: u32) -> Self {
        let (fresh_until, ahead) = (Cell::new(i64::MAX), RefCell::new(None));
        Self { records, ports, now, max_age, fresh_until, ahead }
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

impl<'a, P: CatalogPort> CachedCatalog<'a, P> {
    /// The output of `other`. While it waits, the value of a key that will probably be needed is
    /// read, and kept until it is.
    pub async fn read_ahead<F: Future>(&self, key: String, other: F) -> F::Output {
        if !self.records.begin_ahead(&key, self.now) {
            return other.await;
        }
        let (ports, mut other) = (self.ports, pin!(other));
        let asked = key.clone();
        let mut read: Read<'a> = Box::pin(async move { ports.read_catalog(&asked).await });
        let mut answer = None;
        let output = poll_fn(|context| {
            if answer.is_none()
                && let Poll::Ready(value) = read.as_mut().poll(context)
            {
                answer = Some(value);
                self.records.end_ahead(&key);
            }
            other.as_mut().poll(context)
        })
        .await;
        let read = answer.map_or(read, |value| Box::pin(std::future::ready(value)));
        self.ahead.replace(Some((key, read)));
        output
    }

    async fn read(&self, key: &str) -> Result<Option<String>, Failure> {
        let ahead = self.ahead.take();
        match ahead {
            Some((asked, read)) if asked == key => {
                let value = read.await;
                self.records.end_ahead(key);
                value
            }
            _ => self.ports.read_catalog(key).await,
        }
    }
}

impl<P: CatalogPort> CatalogPort for CachedCatalog<'_, P> {
    async fn read_catalog(&self, key: &str) -> Result<Option<String>, Failure> {
        if let Some((text, until)) = self.records.records.get(key, self.now) {
            self.rests_on(until);
            return Ok(Some(text));
        }
        let until = self.now + i64::from(self.max_age);
        let text = self.read(key).await?;
        self.rests_on(until);
        if let Some(text) = &text {
            let bytes = key.len() + text.len();
            self.records.records.put(key.to_owned(), (text.clone(), until), until, bytes);
        }
        Ok(text)
    }

    fn forget(&self, key: &str) {
        self.records.records.remove(key);
    }
}
