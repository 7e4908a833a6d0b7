//! Work that a request leaves to be done after its answer was sent, as data. `gate/background.rs`
//! does it.

use std::cell::RefCell;

/// Something to do after the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BackgroundTask {
    /// Refresh the team's JWK Set, which will soon be older than its maximum age.
    RefreshJwks,
    /// Make the origin's auth plugin issue a token for this user once a day. Its userinfo route
    /// answers only for users who have been issued one.
    RegisterWithOrigin {
        /// The user's entity ref.
        user: String,
        /// The verified assertion, which the origin's provider verifies again.
        assertion: String,
    },
    /// Write a value to the `ACCESS_CACHE` KV namespace.
    WriteCache {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// How long KV keeps it, in seconds.
        ttl: u32,
    },
}

/// The tasks of one request, in the order in which they were added.
#[derive(Debug, Default)]
pub struct Background(RefCell<Vec<BackgroundTask>>);

impl From<Vec<BackgroundTask>> for Background {
    fn from(tasks: Vec<BackgroundTask>) -> Self {
        Self(RefCell::new(tasks))
    }
}

impl Background {
    /// Adds a task.
    pub fn push(&self, task: BackgroundTask) {
        self.0.borrow_mut().push(task);
    }

    /// Takes the last task, if there is one.
    pub fn pop(&self) -> Option<BackgroundTask> {
        self.0.borrow_mut().pop()
    }

    /// Takes all tasks.
    #[must_use]
    pub fn take(&self) -> Vec<BackgroundTask> {
        self.0.take()
    }
}
