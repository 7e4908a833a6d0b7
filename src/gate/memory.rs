//! What an isolate remembers between requests.

use std::rc::Rc;

use crate::access::{AccessIdentity, Assertion, KeyMemory};
use crate::cache::Bounded;
use crate::catalog::Records;
use crate::session::Session;

/// Bounds of the cached identities of an isolate: as many people as are likely to be online at one
/// location, in a few MiB of the isolate's 128.
const MAX_IDENTITIES: usize = 2_000;
const MAX_IDENTITY_BYTES: usize = 4 * 1024 * 1024;

/// Bounds of the verified assertions, likewise.
const MAX_VERIFIED: usize = 2_000;
const MAX_VERIFIED_BYTES: usize = 8 * 1024 * 1024;

/// Bounds of the sessions that are given out again, likewise.
const MAX_SESSIONS: usize = 2_000;
const MAX_SESSION_BYTES: usize = 8 * 1024 * 1024;

/// Bounds of the users of whom the origin was told.
const MAX_TOLD: usize = 10_000;
const MAX_TOLD_BYTES: usize = 1024 * 1024;

/// What an isolate remembers between requests. Plain results, each with its bound.
#[derive(Debug)]
pub struct Memory {
    /// The team's keys.
    pub keys: KeyMemory,
    /// Identities by digest of the assertion.
    pub identities: Bounded<[u8; 32], Rc<AccessIdentity>>,
    /// Verified assertions, by their compact form: of the requests of one person, the first pays.
    pub verified: Bounded<String, Rc<Assertion>>,
    /// Records of the catalog.
    pub records: Records,
    /// Sessions, by the compact form of the assertion that they were given for.
    pub sessions: Bounded<String, Rc<Session>>,
    /// Users of whom the origin was told, with `trust: "shared-key"`.
    pub told: Bounded<String, ()>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            keys: KeyMemory::default(),
            identities: Bounded::new(MAX_IDENTITIES, MAX_IDENTITY_BYTES),
            verified: Bounded::new(MAX_VERIFIED, MAX_VERIFIED_BYTES),
            records: Records::default(),
            sessions: Bounded::new(MAX_SESSIONS, MAX_SESSION_BYTES),
            told: Bounded::new(MAX_TOLD, MAX_TOLD_BYTES),
        }
    }
}
