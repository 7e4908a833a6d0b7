//! What happened during a sign-in, for the log and for tests.

use std::cell::RefCell;

/// The most notes that are kept of one sign-in, and the longest one, in characters.
const MAX_NOTES: usize = 20;
const MAX_NOTE: usize = 200;

/// The steps of a sign-in so far.
#[derive(Debug, Default)]
pub struct Trace {
    tries: RefCell<Vec<String>>,
    notes: RefCell<Vec<String>>,
}

impl Trace {
    /// Notes how a resolver ended, such as `acme/employee: user_not_found`.
    pub(super) fn tried(&self, resolver: &str, code: &str) {
        self.tries.borrow_mut().push(format!("{resolver}: {code}"));
    }

    /// Notes what the author of a resolver has to say.
    pub(super) fn note(&self, text: &str) {
        let mut notes = self.notes.borrow_mut();
        if notes.len() < MAX_NOTES {
            notes.push(text.chars().take(MAX_NOTE).collect());
        }
    }

    /// Takes each resolver that did not sign the caller in, with the code of its rejection.
    #[must_use]
    pub fn take_tries(&self) -> Vec<String> {
        self.tries.take()
    }

    /// Takes the notes, in their order.
    #[must_use]
    pub fn take_notes(&self) -> Vec<String> {
        self.notes.take()
    }
}
