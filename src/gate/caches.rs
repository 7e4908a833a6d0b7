//! What an isolate caches between requests.

use std::cell::Cell;
use std::rc::Rc;

use super::issued::IssuedUser;
use super::origin_jwks::OriginJwks;
use crate::access::{Assertion, IdentityCache, JwksCache};
use crate::backstage::Session;
use crate::cache::Bounded;
use crate::catalog::RecordCache;
use crate::sign_in::CustomCache;

/// Bounds of the cached identities: as many users as are likely to be online at one location, in a few
/// MiB of the isolate's 128.
const MAX_IDENTITIES: usize = 2_000;
const MAX_IDENTITY_BYTES: usize = 8 * 1024 * 1024;

/// Bounds of the verified assertions, likewise.
const MAX_ASSERTIONS: usize = 2_000;
const MAX_ASSERTION_BYTES: usize = 12 * 1024 * 1024;

/// Bounds of the cached sessions, likewise.
const MAX_SESSIONS: usize = 2_000;
const MAX_SESSION_BYTES: usize = 8 * 1024 * 1024;

/// Bounds of what resolvers of an app cache, and of what was issued, likewise.
const MAX_CUSTOM: usize = 2_000;
const MAX_CUSTOM_BYTES: usize = 8 * 1024 * 1024;
const MAX_ISSUED: usize = 2_000;
const MAX_ISSUED_BYTES: usize = 4 * 1024 * 1024;

/// Bounds of the users registered with the origin.
const MAX_REGISTERED: usize = 10_000;
const MAX_REGISTERED_BYTES: usize = 1024 * 1024;

/// What an isolate caches between requests: results, each with a bound, never promises.
#[derive(Debug)]
pub struct IsolateCaches {
    /// The team's JWK Set.
    pub jwks: JwksCache,
    /// Verified assertions, by their compact form: only the first request with one is verified.
    pub assertions: Bounded<String, Rc<Assertion>>,
    /// Identities, by the digest of the assertion.
    pub identities: IdentityCache,
    /// Catalog records.
    pub records: RecordCache,
    /// Sessions, by the compact form of the assertion that they were given for.
    pub sessions: Bounded<String, Rc<Session>>,
    /// What resolvers of the app cache.
    pub custom: CustomCache,
    /// Ownership and claims that were issued and differ from the catalog, by entity ref.
    pub issued: Bounded<String, Rc<IssuedUser>>,
    /// Users who were registered with the origin, with `trust: "shared-key"`.
    pub registered_users: Bounded<String, ()>,
    /// The origin's JWK Set.
    pub origin_jwks: OriginJwks,
    /// No user is registered before this time, in seconds since 1970.
    pub registration_pause: Cell<i64>,
}

impl Default for IsolateCaches {
    fn default() -> Self {
        Self {
            jwks: JwksCache::default(),
            assertions: Bounded::new(MAX_ASSERTIONS, MAX_ASSERTION_BYTES),
            identities: IdentityCache::new(MAX_IDENTITIES, MAX_IDENTITY_BYTES),
            records: RecordCache::default(),
            sessions: Bounded::new(MAX_SESSIONS, MAX_SESSION_BYTES),
            custom: Bounded::new(MAX_CUSTOM, MAX_CUSTOM_BYTES),
            issued: Bounded::new(MAX_ISSUED, MAX_ISSUED_BYTES),
            origin_jwks: OriginJwks::default(),
            registration_pause: Cell::new(0),
            registered_users: Bounded::new(MAX_REGISTERED, MAX_REGISTERED_BYTES),
        }
    }
}
