//! A mistake in something that a person wrote: the configuration or a catalog entity.

use std::fmt;

/// A mistake: where it is and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Where, such as `CFACCESS.signIn.resolvers[0].resolver`.
    pub path: String,
    /// What is wrong, in words that say how to correct it.
    pub message: String,
}

impl Problem {
    /// A problem at a path.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.path, self.message)
    }
}
