//! Where the key set comes from and how long it is believed: isolate memory, then the
//! `ACCESS_CACHE` KV, then the certs endpoint.
//!
//! Nothing here waits for what another request began, which the runtime forbids: results are kept,
//! never promises, and plain "not before" times keep requests from asking twice.

use std::cell::RefCell;
use std::rc::Rc;

use super::key_set::{KeySet, PublicKey};
use crate::config::AccessConfig;
use crate::ports::{Call, Failure, Ports};
use crate::refusal::{Fault, Refusal, Stop};
use crate::task::Task;

/// How long a key set counts as fresh, in seconds (jose's `cacheMaxAge`).
pub const FRESH: i64 = 600;

/// How long before [`FRESH`] is over a set is refreshed in the background, at the most, in seconds.
/// Each set gets a random part of it, so that isolates do not all ask at once.
pub const SPREAD: u32 = 120;

/// How long a set is still used while the certs endpoint does not answer, in seconds. Access keeps a
/// rotated key valid for 7 days and rotates every 6 weeks, so within a day a known key is as good as
/// certainly still Access's.
pub const STALE: i64 = 24 * 3600;

/// How long after one look for an unknown `kid` the next may begin, in seconds and per isolate
/// (jose's `cooldownDuration`). Without it, forged assertions could drive our fetches.
pub const COOL_DOWN: i64 = 30;

/// How long after a failed fetch with nothing cached the next may begin, in seconds from the start
/// of the request that made it: its time limit, and as much again.
pub const FAILURE_PAUSE: i64 = 10;

/// Time limit of the certs endpoint, in milliseconds.
const TIMEOUT_MS: u32 = 5_000;

/// How long a look can take, in seconds: KV's time limit and the endpoint's, rounded up.
const LONGEST_LOOK: i64 = 7;

/// Size limit of the certs document, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// How far ahead of our clock a stored set's time may be, in seconds, before it is disbelieved.
const STORED_CLOCK_LEEWAY: i64 = 60;

/// What an isolate remembers of the team's keys.
#[derive(Debug, Default)]
pub struct KeyMemory(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// No look for keys before this time.
    not_before: i64,
    /// A look may be under way until this time.
    looking_until: i64,
    /// Why the last look failed.
    failure: Option<String>,
}

#[derive(Clone, Debug)]
struct Held {
    set: Rc<KeySet>,
    fetched_at: i64,
    refresh_at: i64,
}

/// Where a set comes from.
#[derive(Clone, Copy)]
enum From {
    Endpoint,
    Store,
}

impl KeyMemory {
    fn held(&self, now: i64) -> Option<Held> {
        self.0.borrow().held.clone().filter(|held| now - held.fetched_at < STALE)
    }

    /// The key with this `kid`, if it is held and fresh.
    #[must_use]
    pub fn fresh_key(&self, key_id: &str, now: i64) -> Option<Rc<PublicKey>> {
        self.held(now).filter(|held| now - held.fetched_at < FRESH)?.set.get(key_id)
    }

    /// Whether a key is still what it was when something was verified with it.
    #[must_use]
    pub fn still_trusts(&self, key: &PublicKey, now: i64) -> bool {
        self.fresh_key(&key.id, now).is_some_and(|held| held.fingerprint == key.fingerprint)
    }

    /// Sees to it that the held set is refreshed before it is no longer fresh.
    pub fn refresh_in_time(&self, now: i64, later: &mut Vec<Task>) {
        let is_due = self.held(now).is_some_and(|held| now >= held.refresh_at);
        if is_due && self.claim(now) {
            later.push(Task::RefreshKeys);
        }
    }

    /// Takes the right to look for keys, if it is time; whoever has it need not fear company.
    fn claim(&self, now: i64) -> bool {
        let mut state = self.0.borrow_mut();
        let may = now >= state.not_before;
        if may {
            state.not_before = now + COOL_DOWN;
            state.looking_until = now + LONGEST_LOOK;
        }
        may
    }

    /// Keeps a set, unless a newer one is held: a slow old answer must not replace it. Of two of one
    /// second the one from the endpoint is the newer.
    fn keep(&self, set: KeySet, fetched_at: i64, spread: i64, from: From) {
        let mut state = self.0.borrow_mut();
        let is_newer = state.held.as_ref().is_none_or(|held| match from {
            From::Endpoint => held.fetched_at <= fetched_at,
            From::Store => held.fetched_at < fetched_at,
        });
        if is_newer {
            let refresh_at = fetched_at + FRESH - spread;
            state.held = Some(Held { set: Rc::new(set), fetched_at, refresh_at });
        }
    }

    fn failed(&self, now: i64, why: &str, cold: bool) {
        let mut state = self.0.borrow_mut();
        state.failure = Some(why.to_owned());
        state.looking_until = 0;
        if cold {
            state.not_before = now + FAILURE_PAUSE;
        }
    }

    fn succeeded(&self, now: i64) {
        let mut state = self.0.borrow_mut();
        state.failure = None;
        state.looking_until = 0;
        state.not_before = now + COOL_DOWN;
    }

    fn failure(&self) -> Option<String> {
        self.0.borrow().failure.clone()
    }

    /// Whether another request may be about to find what this one lacks.
    fn is_looking(&self, now: i64) -> bool {
        now < self.0.borrow().looking_until
    }
}

/// The key with this `kid`.
///
/// 1. Memory, while fresh; a refresh in the background when it is nearly over.
/// 2. Something is held, but it is too old or does not know the `kid`: one request per
///    [`COOL_DOWN`] looks in KV and at the certs endpoint, the others make do with what is held.
/// 3. Nothing is held: every request looks, but for [`FAILURE_PAUSE`] after a failure.
///
/// # Errors
/// [`Refusal::KeyUnknown`] if the team's keys are known and this is none of them;
/// [`Fault::KeysUnavailable`] if they could not be had.
pub(super) async fn key_for<P: Ports>(
    key_id: &str,
    now: i64,
    config: &AccessConfig,
    memory: &KeyMemory,
    ports: &P,
    later: &mut Vec<Task>,
) -> Result<Rc<PublicKey>, Stop> {
    // (1)
    if let Some(key) = memory.fresh_key(key_id, now) {
        memory.refresh_in_time(now, later);
        return Ok(key);
    }
    let held = memory.held(now);
    // (2), (3)
    let may_look = match &held {
        Some(_) => memory.claim(now),
        None => memory.failure().is_none() || memory.claim(now),
    };
    if may_look {
        look(Some(key_id), now, held.is_none(), config, memory, ports, later).await;
    }
    if let Some(key) = memory.held(now).and_then(|held| held.set.get(key_id)) {
        return Ok(key);
    }
    match memory.failure() {
        Some(why) => Err(Fault::KeysUnavailable(why).into()),
        // After a rotation, this may be the new key: not to be called unknown before it is known.
        None if memory.is_looking(now) => {
            Err(Fault::KeysUnavailable("another request is looking for them".to_owned()).into())
        }
        None => Err(Refusal::KeyUnknown.into()),
    }
}

/// Refreshes the set that is held; for [`Task::RefreshKeys`], after the answer was sent.
pub async fn refresh<P: Ports>(
    now: i64,
    config: &AccessConfig,
    memory: &KeyMemory,
    ports: &P,
    later: &mut Vec<Task>,
) {
    look(None, now, false, config, memory, ports, later).await;
}

/// Looks in KV and, unless that is recent enough and has the key, at the certs endpoint.
async fn look<P: Ports>(
    wanted: Option<&str>,
    now: i64,
    cold: bool,
    config: &AccessConfig,
    memory: &KeyMemory,
    ports: &P,
    later: &mut Vec<Task>,
) {
    let spread = i64::from(ports.random() % SPREAD);
    // An unreachable KV or a damaged value only costs the fetch that they would have saved.
    if let Ok(Some(text)) = ports.read_cache(&config.certs_cache_key()).await
        && let Some((set, fetched_at)) = read_stored(&text, now)
    {
        memory.keep(set, fetched_at, spread, From::Store);
    }
    let is_enough = memory.held(now).is_some_and(|held| {
        now < held.refresh_at && wanted.is_none_or(|key_id| held.set.get(key_id).is_some())
    });
    if is_enough {
        memory.succeeded(now);
        return;
    }
    match fetch(config, ports).await {
        Ok((set, certs)) => {
            memory.keep(set, now, spread, From::Endpoint);
            memory.succeeded(now);
            later.push(Task::WriteCache {
                key: config.certs_cache_key(),
                value: format!("{now} {certs}"),
                ttl: u32::try_from(STALE).unwrap_or(u32::MAX),
            });
        }
        Err(Failure(why)) => memory.failed(now, &why, cold),
    }
}

/// The form in KV is the time of the fetch, in seconds since 1970, a space, and the document as it
/// came.
fn read_stored(text: &str, now: i64) -> Option<(KeySet, i64)> {
    let (fetched_at, certs) = text.split_once(' ')?;
    let fetched_at: i64 = fetched_at.parse().ok()?;
    let age = now.checked_sub(fetched_at)?;
    if !(-STORED_CLOCK_LEEWAY..STALE).contains(&age) {
        return None;
    }
    let set = KeySet::parse(certs).ok()?;
    Some((set, fetched_at.min(now)))
}

async fn fetch<P: Ports>(config: &AccessConfig, ports: &P) -> Result<(KeySet, String), Failure> {
    let call = Call {
        url: format!("{}/cdn-cgi/access/certs", config.issuer),
        headers: vec![("accept".to_owned(), "application/json".to_owned())],
        timeout_ms: TIMEOUT_MS,
        max_bytes: MAX_BYTES,
    };
    let answer = ports.fetch(&call).await?;
    if answer.status != 200 {
        return Err(Failure(format!("certs endpoint: status {}", answer.status)));
    }
    let set =
        KeySet::parse(&answer.body).map_err(|error| Failure(format!("certs endpoint: {error}")))?;
    Ok((set, answer.body))
}
