//! The identity of a caller: from the configuration, the claims, a cache or get-identity.
//!
//! The document is data from the time of login. It is cached by the digest of the assertion, never
//! by `sub`: a new login brings a new assertion and with it a new document.

use std::cell::Cell;
use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::assertion::{Assertion, Subject};
use super::identity::{AccessIdentity, IdentitySource};
use super::policy::{AccessPolicy, IdentityFrom};
use crate::background::BackgroundTask;
use crate::cache::Bounded;
use crate::cause::quoted;
use crate::error::{GateError, Refusal};
use crate::ports::{HttpRequest, Ports};
use crate::scope::Scope;

/// How long a document is cached, in seconds, and never beyond the assertion's `exp`.
pub const IDENTITY_LIFE: i64 = 3600;

/// KV's shortest `expirationTtl`, in seconds: a document with less time left is not written.
const KV_MIN_TTL: i64 = 60;

/// How long the claims are used in place of a document after get-identity failed, in seconds. For
/// the same time no request calls it once it has failed for two assertions in a row; for one alone,
/// the fault may be in its document.
pub const IDENTITY_PAUSE: i64 = 30;

/// Time limit of get-identity, in milliseconds.
const TIMEOUT_MS: u32 = 2_500;

/// Size limit of the document, in bytes. That of a user with a thousand groups has some 100 KiB.
const MAX_BYTES: usize = 512 * 1024;

/// The cookie under which Access itself accepts an assertion, whatever its name in the request.
const ACCESS_COOKIE: &str = "CF_Authorization";

/// The identities that an isolate caches, by the SHA-256 of the assertion.
#[derive(Debug)]
pub struct IdentityCache {
    cached: Bounded<[u8; 32], Rc<AccessIdentity>>,
    /// The assertion for which get-identity failed last. `None` if it has answered since.
    failed_for: Cell<Option<[u8; 32]>>,
    /// get-identity is not called before this time, in seconds since 1970.
    not_before: Cell<i64>,
}

impl IdentityCache {
    /// A cache of at most `max_entries` identities of `max_bytes` bytes together.
    #[must_use]
    pub fn new(max_entries: usize, max_bytes: usize) -> Self {
        let cached = Bounded::new(max_entries, max_bytes);
        Self { cached, failed_for: Cell::default(), not_before: Cell::default() }
    }

    fn put(&self, digest: [u8; 32], identity: Rc<AccessIdentity>) {
        let (expires_at, size) = (identity.expires_at, identity.size());
        self.cached.put(digest, identity, expires_at, size);
    }

    fn may_call(&self, now: i64) -> bool {
        // A pause that is longer than any is one of a clock that was set back.
        !(1..=IDENTITY_PAUSE).contains(&self.not_before.get().saturating_sub(now))
    }

    fn failed(&self, digest: [u8; 32], now: i64) {
        if self.failed_for.replace(Some(digest)).is_some_and(|other| other != digest) {
            self.not_before.set(now + IDENTITY_PAUSE);
        }
    }
}

/// Finds the identity of a caller:
///
/// 1. a service token: from the configuration;
/// 2. `identity: "claims"`: from the claims;
/// 3. otherwise from the isolate, KV or get-identity. If get-identity does not answer, the claims
///    are used for [`IDENTITY_PAUSE`]: they are signed, and only the name, groups and attributes are
///    missing. If it says that the session has ended, the request is refused.
///
/// # Errors
/// [`Refusal::ServiceTokenUnknown`], [`Refusal::IdentityRefused`].
pub async fn identity_of<P: Ports>(
    assertion: &Assertion,
    scope: &Scope<'_, P>,
    policy: &AccessPolicy,
    cache: &IdentityCache,
) -> Result<Rc<AccessIdentity>, GateError> {
    let now = scope.seconds();
    let (email, id) = match assertion.subject() {
        // (1)
        Subject::ServiceToken { client_id } => {
            return service_token(client_id, assertion.expires_at(), policy)
                .map(Rc::new)
                .ok_or_else(|| {
                    let why = format!("client id {}", quoted(client_id));
                    scope.cause.explain(Refusal::ServiceTokenUnknown, why)
                });
        }
        Subject::User { email, id } => (email.as_str(), id.as_str()),
    };
    let from_claims = |source, until| {
        AccessIdentity::substitute(id, None, email, source, until)
            .map(Rc::new)
            .ok_or_else(|| Refusal::SubjectInvalid.into())
    };
    // (2)
    if policy.identity == IdentityFrom::Claims {
        return from_claims(IdentitySource::Claims, assertion.expires_at());
    }
    // (3)
    let digest: [u8; 32] = Sha256::digest(assertion.token()).into();
    if let Some(identity) = cache.cached.get(&digest, now) {
        return Ok(identity);
    }
    let cache_key = cache_key(&digest);
    if let Ok(Some(text)) = scope.ports.read_cache(&cache_key).await
        && let Some(identity) = read_cached(&text, email, now)
    {
        let identity = Rc::new(identity);
        cache.put(digest, Rc::clone(&identity));
        return Ok(identity);
    }
    let may_call = cache.may_call(now);
    let fetched = if may_call {
        fetch(assertion.token(), policy, scope.ports).await
    } else {
        Fetched::Nothing
    };
    let expires_at = assertion.expires_at().min(now + IDENTITY_LIFE);
    let identity = match fetched {
        Fetched::Document(document) => {
            let source = IdentitySource::GetIdentity;
            AccessIdentity::from_document(document, email, source, expires_at)
        }
        Fetched::Refused(status) => {
            cache.failed_for.set(None);
            let why = format!("get-identity answered {status}");
            return Err(scope.cause.explain(Refusal::IdentityRefused, why));
        }
        Fetched::Nothing => None,
    };
    let Some(identity) = identity else {
        if may_call {
            cache.failed(digest, now);
        }
        let until = assertion.expires_at().min(now + IDENTITY_PAUSE);
        let fallback = from_claims(IdentitySource::ClaimsFallback, until)?;
        // A request that was answered meanwhile knows better.
        if let Some(identity) = cache.cached.get(&digest, now) {
            return Ok(identity);
        }
        cache.put(digest, Rc::clone(&fallback));
        return Ok(fallback);
    };
    cache.failed_for.set(None);
    if expires_at - now >= KV_MIN_TTL
        && let Ok(ttl) = u32::try_from(expires_at - now)
    {
        let value = format!("{expires_at} {}", identity.document_json);
        scope.background.push(BackgroundTask::WriteCache { key: cache_key, value, ttl });
    }
    let cached = identity.clone().into_cached();
    cache.put(digest, Rc::new(cached));
    Ok(Rc::new(identity))
}

/// The identity of a configured service token, as the official provider makes it.
fn service_token(client_id: &str, until: i64, policy: &AccessPolicy) -> Option<AccessIdentity> {
    let known = policy.service_tokens.iter().find(|it| it.token == *client_id)?;
    let source = IdentitySource::ServiceToken;
    AccessIdentity::substitute(client_id, Some("Bot"), &known.subject, source, until)
}

/// The key in `ACCESS_CACHE`. A digest, since an assertion must not be readable in KV.
fn cache_key(digest: &[u8; 32]) -> String {
    format!("identity:v1:{}", base16ct::lower::encode_string(digest))
}

/// Reads the form in KV: the time of expiry in seconds since 1970, a space, and the document as
/// get-identity answered it.
fn read_cached(text: &str, email: &str, now: i64) -> Option<AccessIdentity> {
    let (expires_at, document) = text.split_once(' ')?;
    let expires_at: i64 = expires_at.parse().ok()?;
    if expires_at <= now {
        return None;
    }
    let until = expires_at.min(now + IDENTITY_LIFE);
    AccessIdentity::from_document(document.to_owned(), email, IdentitySource::Cache, until)
}

enum Fetched {
    Document(String),
    Nothing,
    /// The status.
    Refused(u16),
}

async fn fetch<P: Ports>(token: &str, policy: &AccessPolicy, ports: &P) -> Fetched {
    let mut cookie = format!("{ACCESS_COOKIE}={token}");
    if policy.authorization_cookie_name != ACCESS_COOKIE {
        cookie = format!("{}={token}; {cookie}", policy.authorization_cookie_name);
    }
    let request = HttpRequest {
        url: format!("{}/cdn-cgi/access/get-identity", policy.issuer),
        headers: vec![
            ("accept".to_owned(), "application/json".to_owned()),
            (policy.jwt_header_name.clone(), token.to_owned()),
            ("cookie".to_owned(), cookie),
        ],
        timeout_ms: TIMEOUT_MS,
        max_bytes: MAX_BYTES,
    };
    match ports.fetch(&request).await {
        Ok(response) if response.status == 200 => Fetched::Document(response.body),
        // The page of a challenge or a firewall says nothing about the session.
        Ok(response) if response.status == 403 && response.is_html => Fetched::Nothing,
        Ok(response) if matches!(response.status, 401 | 403) => Fetched::Refused(response.status),
        _ => Fetched::Nothing,
    }
}
