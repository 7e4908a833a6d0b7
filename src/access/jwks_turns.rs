//! Whose turn it is to look for keys: at KV and the certs endpoint.
//!
//! The runtime can cancel a request, and with it a look that never ends. So a turn lapses by itself,
//! and only a look that has ended causes a pause.

use super::jwks_cache::{COOLDOWN, ERROR_BACKOFF};

/// How long a look has the turn for itself, in milliseconds. A look that takes longer goes on, but
/// no longer keeps others from looking.
const TURN_MS: i64 = 1_000;

/// How many looks begin at most within `TURN_MS` while no set is cached. With a set it is one.
pub const COLD_LOOKS: usize = 4;

/// How long after a failed look a stale set is used without waiting for the next look, in seconds:
/// the pause, and the time that a look can take.
const FAILED_LATELY: i64 = 2 * COOLDOWN;

/// What a request may do that does not find its key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// Look.
    Look,
    /// Wait until a look of another request ends or its turn lapses.
    Wait,
    /// Take what is cached for the answer: a look has ended lately.
    Settled,
}

#[derive(Debug, Default)]
pub(super) struct Turns {
    /// When the looks began that have not ended, in milliseconds; their turns may have lapsed.
    begun: Vec<i64>,
    /// No look begins before this time, in seconds.
    not_before: i64,
    /// When the last look that has ended began, in seconds.
    last_ended: i64,
    /// When the last look began that failed, and why. `None` if one has succeeded since.
    failure: Option<(i64, String)>,
}

impl Turns {
    /// Takes a turn, if there is one.
    pub(super) fn take(&mut self, now_ms: i64, is_cold: bool) -> Turn {
        // A pause that is longer than any is one of a clock that was set back.
        let pause_ms = self.not_before.saturating_mul(1_000).saturating_sub(now_ms);
        if (1..=COOLDOWN * 1_000).contains(&pause_ms) {
            return Turn::Settled;
        }
        self.begun.retain(|begun| (now_ms - begun).abs() < TURN_MS);
        if self.begun.len() >= if is_cold { COLD_LOOKS } else { 1 } {
            return Turn::Wait;
        }
        self.begun.push(now_ms);
        Turn::Look
    }

    /// Ends a look that began at `now` and found the keys.
    pub(super) fn succeeded(&mut self, now: i64) {
        if self.ended(now) {
            self.failure = None;
            self.not_before = now + COOLDOWN;
        }
    }

    /// Ends a look that began at `now` in vain.
    pub(super) fn failed(&mut self, now: i64, why: String, is_cold: bool) {
        if self.ended(now) {
            self.failure = Some((now, why));
            self.not_before = now + if is_cold { ERROR_BACKOFF } else { COOLDOWN };
        }
    }

    /// Whether no later look has ended: what a slow look says must not undo what a newer one said.
    fn ended(&mut self, now: i64) -> bool {
        let is_latest = now >= self.last_ended || self.last_ended - now > FAILED_LATELY;
        if is_latest {
            self.last_ended = now;
            self.begun.clear();
        }
        is_latest
    }

    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_ref().map(|(_, why)| why.as_str())
    }

    /// Whether the last look failed not long ago.
    pub(super) fn failed_lately(&self, now: i64) -> bool {
        self.failure.as_ref().is_some_and(|(at, _)| now - at < FAILED_LATELY)
    }
}
