//! The origin's JWK Set, as an isolate remembers it: a backend whose `auth` is the Worker asks for keys
//! often, and each answer must not cost the origin a request of its own.

use std::cell::RefCell;

use crate::backstage::join_jwks;
use crate::jwk::PublicJwk;

/// How long a set is used without asking, in seconds. After it met an unknown `kid`, a backend asks again
/// 30 seconds later at the earliest (jose's `cooldownDuration`), and then gets the new key.
pub(super) const FRESH: i64 = 30;

/// How long a set is used while the origin does not answer, in seconds.
const STALE_IF_ERROR: i64 = 600;

/// How long the origin is not asked after it did not answer, in seconds.
const PAUSE: i64 = 10;

/// The origin's JWK Set.
#[derive(Debug, Default)]
pub struct OriginJwks(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    /// When the origin answered, in seconds since 1970, and the joined set.
    joined: Option<(i64, String)>,
    failed_at: Option<i64>,
}

impl OriginJwks {
    /// The joined set, if the origin need not be asked.
    pub(super) fn fresh(&self, now: i64) -> Option<String> {
        self.joined(now, FRESH)
    }

    /// Whether the origin failed so lately that it is not asked again.
    pub(super) fn is_paused(&self, now: i64) -> bool {
        self.0.borrow().failed_at.is_some_and(|at| (0..PAUSE).contains(&(now - at)))
    }

    /// The joined set to answer with while the origin does not answer.
    pub(super) fn stale(&self, now: i64) -> Option<String> {
        self.joined(now, STALE_IF_ERROR)
    }

    fn joined(&self, now: i64, max_age: i64) -> Option<String> {
        let state = self.0.borrow();
        let (at, joined) = state.joined.as_ref()?;
        (0..max_age).contains(&(now - at)).then(|| joined.clone())
    }

    /// Notes the origin's answer: a set, or that it has none. Returns the joined set.
    pub(super) fn answered(&self, now: i64, ours: &[PublicJwk], theirs: Option<&str>) -> String {
        let joined = join_jwks(ours, theirs);
        *self.0.borrow_mut() = State { joined: Some((now, joined.clone())), failed_at: None };
        joined
    }

    /// Notes that the origin did not answer.
    pub(super) fn failed(&self, now: i64) {
        self.0.borrow_mut().failed_at = Some(now);
    }
}
