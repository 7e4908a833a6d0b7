//! The JWKS cache: isolate memory, then the `ACCESS_CACHE` KV namespace, then the certs endpoint.
//!
//! No request awaits work that another request began, because the runtime forbids it. The cache holds
//! results, never promises. A request that finds enough looks under way polls the cache with a timer
//! of its own.

use std::cell::RefCell;
use std::rc::Rc;

use super::jwks::JwkSet;
use super::jwks_turns::{Turn, Turns};
use super::policy::AccessPolicy;
use crate::background::{Background, BackgroundTask};
use crate::cause::quoted;
use crate::error::{Fault, GateError, Refusal};
use crate::jwk::PublicKey;
use crate::ports::{Failure, HttpRequest, Ports};
use crate::scope::Scope;

/// How long a JWK Set is fresh, in seconds (jose's `cacheMaxAge`).
pub const CACHE_MAX_AGE: i64 = 600;

/// How long before [`CACHE_MAX_AGE`] is over a set is refreshed in the background, at the most, in seconds.
/// Each set gets a random part of it, so that isolates do not all ask at once.
pub const REFRESH_JITTER: u32 = 120;

/// How long a set is still used while the certs endpoint does not answer, in seconds. Access keeps a
/// rotated key valid for 7 days and rotates every 6 weeks, so within a day a known key is as good as
/// certainly still Access's.
pub const STALE_IF_ERROR: i64 = 24 * 3600;

/// How long after one refresh for an unknown `kid` the next may begin, in seconds and per isolate
/// (jose's `cooldownDuration`). Without it, forged assertions could drive our fetches.
pub const COOLDOWN: i64 = 30;

/// How long after a failed fetch with nothing cached the next may begin, in seconds from the start
/// of the request that made it: its time limit, and as much again.
pub const ERROR_BACKOFF: i64 = 10;

/// For how long after [`CACHE_MAX_AGE`] a set is used while another request looks, in seconds. After
/// that requests wait for a look, so that looks that never end cannot keep a revoked key valid.
pub const STALE_WHILE_REFRESHING: i64 = 30;

/// Time limit of the certs endpoint, in milliseconds.
const TIMEOUT_MS: u32 = 3_000;

/// How long a request waits for the look of another, in milliseconds: KV's time limit and the
/// endpoint's, and a little more.
const MAX_WAIT_MS: i64 = 4_500;

/// How often a request that waits reads the cache, in milliseconds.
const POLL_MS: u32 = 50;

/// A set in KV that is the same as the fetched one is written again at this age, in seconds: when
/// other isolates begin to fetch in its place, which is [`REFRESH_JITTER`] before [`CACHE_MAX_AGE`].
const REWRITE_AGE: i64 = 480;

/// Size limit of the certs document, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// How far ahead of our clock a stored set's time may be, in seconds, before it is disbelieved.
const STORED_CLOCK_LEEWAY: i64 = 60;

/// The team's JWK Set, as this isolate caches it.
#[derive(Debug, Default)]
pub struct JwksCache(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    cached: Option<CachedJwks>,
    turns: Turns,
    /// The last document that this isolate gave to KV, and when it was fetched.
    written: Option<(i64, String)>,
}

#[derive(Clone, Debug)]
struct CachedJwks {
    jwks: Rc<JwkSet>,
    fetched_at: i64,
    refresh_at: i64,
}

/// Where a JWK Set comes from.
#[derive(Clone, Copy)]
enum Origin {
    Endpoint,
    Kv,
}

impl JwksCache {
    fn cached(&self, now: i64) -> Option<CachedJwks> {
        self.0.borrow().cached.clone().filter(|cached| now - cached.fetched_at < STALE_IF_ERROR)
    }

    /// The key with this `kid`, if the cached set is fresh and has it.
    #[must_use]
    pub fn fresh_key(&self, key_id: &str, now: i64) -> Option<Rc<PublicKey>> {
        let cached = self.cached(now)?;
        (now - cached.fetched_at < CACHE_MAX_AGE).then(|| cached.jwks.get(key_id))?
    }

    /// Whether a key with which something was verified is still the team's key of that `kid`.
    #[must_use]
    pub fn still_trusts(&self, key: &PublicKey, now: i64) -> bool {
        self.fresh_key(&key.id, now).is_some_and(|cached| cached.fingerprint == key.fingerprint)
    }

    /// Has the cached set refreshed in the background shortly before it stops being fresh.
    pub fn refresh_in_time(&self, now: i64, background: &Background) {
        let is_due = self.cached(now).is_some_and(|cached| now >= cached.refresh_at);
        if is_due && self.0.borrow_mut().turns.take(now * 1_000, false) == Turn::Look {
            background.push(BackgroundTask::RefreshJwks);
        }
    }

    /// Caches a set, unless a newer one is cached: a slow old answer must not replace it. Of two
    /// sets of the same second, the one from the endpoint is the newer.
    fn put(&self, jwks: JwkSet, fetched_at: i64, jitter: i64, origin: Origin) {
        let mut state = self.0.borrow_mut();
        let is_newer = state.cached.as_ref().is_none_or(|cached| match origin {
            // No answer is that slow: the clock was set back.
            Origin::Endpoint if cached.fetched_at - fetched_at > STORED_CLOCK_LEEWAY => true,
            Origin::Endpoint => cached.fetched_at <= fetched_at,
            Origin::Kv => cached.fetched_at < fetched_at,
        });
        if is_newer {
            let refresh_at = fetched_at + CACHE_MAX_AGE - jitter;
            state.cached = Some(CachedJwks { jwks: Rc::new(jwks), fetched_at, refresh_at });
        }
    }

    /// Whether a set that is no longer fresh may be used without a look.
    fn may_use_stale(&self, now: i64) -> bool {
        let state = self.0.borrow();
        state.turns.failed_lately(now)
            || state.cached.as_ref().is_some_and(|cached| {
                now - cached.fetched_at < CACHE_MAX_AGE + STALE_WHILE_REFRESHING
            })
    }

    /// Notes that the document of this fetch is being written to KV, unless KV has the same one and
    /// it is recent: KV takes one write a second for a key, and 1,000 a day on the free plan.
    fn must_write(&self, document: &str, fetched_at: i64, stored: Option<&str>) -> bool {
        let recent_ages = -STORED_CLOCK_LEEWAY..REWRITE_AGE;
        let is_recent = |at: i64, text: &str| {
            recent_ages.contains(&fetched_at.saturating_sub(at)) && text == document
        };
        let mut state = self.0.borrow_mut();
        let is_stored = stored.and_then(split_stored).is_some_and(|(at, text)| is_recent(at, text));
        let is_written = state.written.as_ref().is_some_and(|(at, text)| is_recent(*at, text));
        let must = !is_stored && !is_written;
        if must {
            state.written = Some((fetched_at, document.to_owned()));
        }
        must
    }
}

/// The key with this `kid`.
///
/// 1. The cached set, while it is fresh; shortly before its end it is refreshed in the background.
/// 2. A set is cached, but it is stale or lacks the `kid`: one request per [`COOLDOWN`] refreshes
///    it from KV and the certs endpoint. If that does not end within a second, so does another.
/// 3. No set is cached: likewise, but a few requests at once, and [`ERROR_BACKOFF`] after a failure.
/// 4. The other requests use a set that is barely stale, or wait.
///
/// # Errors
/// [`Refusal::KeyUnknown`] if the team's keys are known and this is none of them;
/// [`Fault::KeysUnavailable`] if they are not known.
pub(super) async fn key_for<P: Ports>(
    key_id: &str,
    scope: &Scope<'_, P>,
    policy: &AccessPolicy,
    cache: &JwksCache,
) -> Result<Rc<PublicKey>, GateError> {
    let begun_ms = scope.now.timestamp_millis();
    let mut waited_ms = 0;
    loop {
        let now_ms = begun_ms + waited_ms;
        let now = now_ms.div_euclid(1_000);
        // (1)
        if let Some(key) = cache.fresh_key(key_id, now) {
            cache.refresh_in_time(now, &scope.background);
            return Ok(key);
        }
        // (2), (3)
        let cached = cache.cached(now);
        let turn = cache.0.borrow_mut().turns.take(now_ms, cached.is_none());
        match turn {
            Turn::Look => {
                let refreshed = refresh(Some(key_id), now, scope, policy, cache).await;
                if let Err(Failure(why)) = refreshed
                    && cache.cached(now).is_some()
                {
                    scope.note(format!("stale keys of Access are used: {why}"));
                }
            }
            Turn::Settled => {}
            // (4)
            Turn::Wait => {
                let stale = cached.filter(|_| cache.may_use_stale(now));
                if let Some(key) = stale.and_then(|cached| cached.jwks.get(key_id)) {
                    return Ok(key);
                }
                if waited_ms >= MAX_WAIT_MS {
                    let why = "the requests that look for them do not end".to_owned();
                    return Err(Fault::KeysUnavailable(why).into());
                }
                scope.ports.sleep(POLL_MS).await;
                waited_ms += i64::from(POLL_MS);
                continue;
            }
        }
        if let Some(key) = cache.cached(now).and_then(|cached| cached.jwks.get(key_id)) {
            return Ok(key);
        }
        if let Some(why) = cache.0.borrow().turns.failure() {
            return Err(Fault::KeysUnavailable(why.to_owned()).into());
        }
        let why = format!("kid {}", quoted(key_id));
        return Err(scope.cause.explain(Refusal::KeyUnknown, why));
    }
}

/// How old the team's keys are, in seconds; `None` if another request is looking for the first ones. A
/// cold isolate looks for them itself, if it is its turn.
///
/// # Errors
/// [`Fault::KeysUnavailable`] if there are none.
pub async fn keys_age<P: Ports>(
    scope: &Scope<'_, P>,
    policy: &AccessPolicy,
    cache: &JwksCache,
) -> Result<Option<i64>, Fault> {
    let now = scope.seconds();
    let age = || cache.cached(now).map(|cached| now - cached.fetched_at);
    if age().is_none() && cache.0.borrow_mut().turns.take(now * 1_000, true) == Turn::Look {
        // Why not, the cache says below.
        let _ = refresh(None, now, scope, policy, cache).await;
    }
    let state = cache.0.borrow();
    match (age(), state.turns.failure()) {
        (None, Some(why)) => Err(Fault::KeysUnavailable(why.to_owned())),
        (age, _) => Ok(age),
    }
}

/// Refreshes the cached set after the answer was sent, for [`BackgroundTask::RefreshJwks`].
///
/// # Errors
/// When the certs endpoint does not answer with keys.
pub async fn refresh_jwks<P: Ports>(
    scope: &Scope<'_, P>,
    policy: &AccessPolicy,
    cache: &JwksCache,
) -> Result<(), Failure> {
    refresh(None, scope.seconds(), scope, policy, cache).await
}

/// Reads the set from KV and, unless that is recent enough and has the key, from the certs endpoint.
async fn refresh<P: Ports>(
    wanted: Option<&str>,
    now: i64,
    scope: &Scope<'_, P>,
    policy: &AccessPolicy,
    cache: &JwksCache,
) -> Result<(), Failure> {
    let ports = scope.ports;
    let is_cold = cache.cached(now).is_none();
    let jitter = i64::from(ports.random() % REFRESH_JITTER);
    // If KV fails or its value is damaged, the only cost is the fetch that it would have saved.
    let stored = ports.read_cache(&policy.certs_cache_key()).await.ok().flatten();
    if let Some((jwks, fetched_at)) = stored.as_deref().and_then(|text| read_cached(text, now)) {
        cache.put(jwks, fetched_at, jitter, Origin::Kv);
    }
    let is_enough = cache.cached(now).is_some_and(|cached| {
        now < cached.refresh_at && wanted.is_none_or(|key_id| cached.jwks.get(key_id).is_some())
    });
    if is_enough {
        cache.0.borrow_mut().turns.succeeded(now);
        return Ok(());
    }
    match fetch(policy, ports).await {
        Ok((jwks, document)) => {
            cache.put(jwks, now, jitter, Origin::Endpoint);
            cache.0.borrow_mut().turns.succeeded(now);
            if cache.must_write(&document, now, stored.as_deref()) {
                scope.background.push(BackgroundTask::WriteCache {
                    key: policy.certs_cache_key(),
                    value: format!("{now} {document}"),
                    ttl: u32::try_from(STALE_IF_ERROR).unwrap_or(u32::MAX),
                });
            }
            Ok(())
        }
        Err(failure) => {
            cache.0.borrow_mut().turns.failed(now, failure.0.clone(), is_cold);
            Err(failure)
        }
    }
}

/// Reads the form in KV: the time of the fetch in seconds since 1970, a space, and the document as
/// the certs endpoint answered it.
fn read_cached(text: &str, now: i64) -> Option<(JwkSet, i64)> {
    let (fetched_at, document) = split_stored(text)?;
    let age = now.checked_sub(fetched_at)?;
    if !(-STORED_CLOCK_LEEWAY..STALE_IF_ERROR).contains(&age) {
        return None;
    }
    let jwks = JwkSet::parse(document).ok()?;
    Some((jwks, fetched_at.min(now)))
}

fn split_stored(text: &str) -> Option<(i64, &str)> {
    let (fetched_at, document) = text.split_once(' ')?;
    Some((fetched_at.parse().ok()?, document))
}

async fn fetch<P: Ports>(policy: &AccessPolicy, ports: &P) -> Result<(JwkSet, String), Failure> {
    let request = HttpRequest {
        url: format!("{}/cdn-cgi/access/certs", policy.issuer),
        headers: vec![("accept".to_owned(), "application/json".to_owned())],
        timeout_ms: TIMEOUT_MS,
        max_bytes: MAX_BYTES,
    };
    let response = ports.fetch(&request).await?;
    if response.status != 200 {
        return Err(Failure(format!("certs endpoint: status {}", response.status)));
    }
    let jwks = JwkSet::parse(&response.body)
        .map_err(|error| Failure(format!("certs endpoint: {error}")))?;
    Ok((jwks, response.body))
}
