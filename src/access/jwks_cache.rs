//! The JWKS cache: isolate memory, then the `ACCESS_CACHE` KV namespace, then the certs endpoint.
//!
//! No request waits for work that another request began, because the runtime forbids it. The cache
//! holds results, never promises, and "not before" times keep requests from fetching twice.

use std::cell::RefCell;
use std::rc::Rc;

use super::jwks::JwkSet;
use super::policy::AccessPolicy;
use crate::background::{Background, BackgroundTask};
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

/// Time limit of the certs endpoint, in milliseconds.
const TIMEOUT_MS: u32 = 5_000;

/// How long a refresh can take, in seconds: KV's time limit and the endpoint's, rounded up.
const LONGEST_REFRESH: i64 = 7;

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
    /// No refresh before this time.
    not_before: i64,
    /// A refresh may be under way until this time.
    refreshing_until: i64,
    /// Why the last refresh failed.
    failure: Option<String>,
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
        if is_due && self.claim(now) {
            background.push(BackgroundTask::RefreshJwks);
        }
    }

    /// Takes the right to refresh, if it is time. No other request gets it for [`COOLDOWN`].
    fn claim(&self, now: i64) -> bool {
        let mut state = self.0.borrow_mut();
        let may = now >= state.not_before;
        if may {
            state.not_before = now + COOLDOWN;
            state.refreshing_until = now + LONGEST_REFRESH;
        }
        may
    }

    /// Caches a set, unless a newer one is cached: a slow old answer must not replace it. Of two
    /// sets of the same second, the one from the endpoint is the newer.
    fn put(&self, jwks: JwkSet, fetched_at: i64, jitter: i64, origin: Origin) {
        let mut state = self.0.borrow_mut();
        let is_newer = state.cached.as_ref().is_none_or(|cached| match origin {
            Origin::Endpoint => cached.fetched_at <= fetched_at,
            Origin::Kv => cached.fetched_at < fetched_at,
        });
        if is_newer {
            let refresh_at = fetched_at + CACHE_MAX_AGE - jitter;
            state.cached = Some(CachedJwks { jwks: Rc::new(jwks), fetched_at, refresh_at });
        }
    }

    fn failed(&self, now: i64, why: &str, is_cold: bool) {
        let mut state = self.0.borrow_mut();
        state.failure = Some(why.to_owned());
        state.refreshing_until = 0;
        if is_cold {
            state.not_before = now + ERROR_BACKOFF;
        }
    }

    fn succeeded(&self, now: i64) {
        let mut state = self.0.borrow_mut();
        state.failure = None;
        state.refreshing_until = 0;
        state.not_before = now + COOLDOWN;
    }

    fn failure(&self) -> Option<String> {
        self.0.borrow().failure.clone()
    }

    /// Whether another request may be about to find the key that this one lacks.
    fn is_refreshing(&self, now: i64) -> bool {
        now < self.0.borrow().refreshing_until
    }
}

/// The key with this `kid`.
///
/// 1. The cached set, while it is fresh; shortly before its end it is refreshed in the background.
/// 2. A set is cached, but it is stale or lacks the `kid`: one request per [`COOLDOWN`] refreshes
///    it from KV and the certs endpoint. The other requests use the cached set.
/// 3. No set is cached: every request refreshes, except for [`ERROR_BACKOFF`] after a failure.
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
    let now = scope.seconds();
    // (1)
    if let Some(key) = cache.fresh_key(key_id, now) {
        cache.refresh_in_time(now, &scope.background);
        return Ok(key);
    }
    let is_cold = cache.cached(now).is_none();
    // (2), (3)
    let may_refresh =
        if is_cold { cache.failure().is_none() || cache.claim(now) } else { cache.claim(now) };
    if may_refresh {
        refresh(Some(key_id), is_cold, scope, policy, cache).await;
    }
    if let Some(key) = cache.cached(now).and_then(|cached| cached.jwks.get(key_id)) {
        return Ok(key);
    }
    match cache.failure() {
        Some(why) => Err(Fault::KeysUnavailable(why).into()),
        // After a rotation this may be the new key, so it is not unknown yet.
        None if cache.is_refreshing(now) => {
            Err(Fault::KeysUnavailable("another request is refreshing them".to_owned()).into())
        }
        None => Err(Refusal::KeyUnknown.into()),
    }
}

/// Refreshes the cached set after the answer was sent, for [`BackgroundTask::RefreshJwks`].
pub async fn refresh_jwks<P: Ports>(
    scope: &Scope<'_, P>,
    policy: &AccessPolicy,
    cache: &JwksCache,
) {
    refresh(None, false, scope, policy, cache).await;
}

/// Reads the set from KV and, unless that is recent enough and has the key, from the certs endpoint.
async fn refresh<P: Ports>(
    wanted: Option<&str>,
    is_cold: bool,
    scope: &Scope<'_, P>,
    policy: &AccessPolicy,
    cache: &JwksCache,
) {
    let (now, ports) = (scope.seconds(), scope.ports);
    let jitter = i64::from(ports.random() % REFRESH_JITTER);
    // If KV fails or its value is damaged, the only cost is the fetch that it would have saved.
    if let Ok(Some(text)) = ports.read_cache(&policy.certs_cache_key()).await
        && let Some((jwks, fetched_at)) = read_cached(&text, now)
    {
        cache.put(jwks, fetched_at, jitter, Origin::Kv);
    }
    let is_enough = cache.cached(now).is_some_and(|cached| {
        now < cached.refresh_at && wanted.is_none_or(|key_id| cached.jwks.get(key_id).is_some())
    });
    if is_enough {
        cache.succeeded(now);
        return;
    }
    match fetch(policy, ports).await {
        Ok((jwks, document)) => {
            cache.put(jwks, now, jitter, Origin::Endpoint);
            cache.succeeded(now);
            scope.background.push(BackgroundTask::WriteCache {
                key: policy.certs_cache_key(),
                value: format!("{now} {document}"),
                ttl: u32::try_from(STALE_IF_ERROR).unwrap_or(u32::MAX),
            });
        }
        Err(Failure(why)) => cache.failed(now, &why, is_cold),
    }
}

/// Reads the form in KV: the time of the fetch in seconds since 1970, a space, and the document as
/// the certs endpoint answered it.
fn read_cached(text: &str, now: i64) -> Option<(JwkSet, i64)> {
    let (fetched_at, document) = text.split_once(' ')?;
    let fetched_at: i64 = fetched_at.parse().ok()?;
    let age = now.checked_sub(fetched_at)?;
    if !(-STORED_CLOCK_LEEWAY..STALE_IF_ERROR).contains(&age) {
        return None;
    }
    let jwks = JwkSet::parse(document).ok()?;
    Some((jwks, fetched_at.min(now)))
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
