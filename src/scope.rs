//! What every step of a request needs, in one place: the time, the ports, and the list of tasks for
//! afterwards.

use std::cell::{Cell, RefCell};

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
    notes: RefCell<Vec<String>>,
    /// Whether the request waits for a signature, which the runtime computes itself.
    computes: Cell<bool>,
}

impl<'a, P> Scope<'a, P> {
    /// A scope with nothing to do afterwards.
    pub fn new(now: DateTime<Utc>, ports: &'a P) -> Self {
        let (background, cause) = (Background::default(), Cause::default());
        let (notes, computes) = (RefCell::default(), Cell::default());
        Self { now, ports, background, cause, notes, computes }
    }

    /// Notes for the log event that a service failed although the request goes on.
    pub fn note(&self, note: String) {
        self.notes.borrow_mut().push(note);
    }

    /// Takes the notes.
    pub fn take_notes(&self) -> Vec<String> {
        self.notes.take()
    }

    /// The output of a computation of the runtime. No time limit needs to run for it.
    pub async fn computed<T>(&self, computation: impl Future<Output = T>) -> T {
        self.computes.set(true);
        let output = computation.await;
        self.computes.set(false);
        output
    }

    /// Whether the request waits for something that may never come.
    #[must_use]
    pub const fn waits_for_others(&self) -> bool {
        !self.computes.get()
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
