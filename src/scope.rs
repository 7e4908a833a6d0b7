//! What every step of a request needs, in one place: the time, the ports, and the list of tasks for
//! afterwards.

use chrono::{DateTime, Utc};

use crate::background::{Background, BackgroundTask};
use crate::cause::Cause;

/// The scope of one request, or of the background work that follows it.
#[derive(Debug)]
pub struct Scope<'a, P> {
    /// When the request began. The core never reads a clock.
    pub now: DateTime<Utc>,
    /// The ports.
    pub ports: &'a P,
    /// The tasks for after the answer.
    pub background: Background,
    /// Why the request is refused, for its log event.
    pub cause: Cause,
}

impl<'a, P> Scope<'a, P> {
    /// A scope with nothing to do afterwards.
    pub fn new(now: DateTime<Utc>, ports: &'a P) -> Self {
        Self { now, ports, background: Background::default(), cause: Cause::default() }
    }

    /// A scope with these tasks.
    pub fn with_background(now: DateTime<Utc>, ports: &'a P, tasks: Vec<BackgroundTask>) -> Self {
        Self { background: Background::from(tasks), ..Self::new(now, ports) }
    }

    /// [`Self::now`] in seconds since 1970.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.now.timestamp()
    }
}
