//! Which groups of an identity provider a rule means.

use crate::access::AccessGroup;
use crate::catalog::fold;

/// A group's id, name or email, compared without case; `*` at the end stands for any rest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pattern {
    start: String,
    is_prefix: bool,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let start = text.strip_suffix('*');
        Self { start: fold(start.unwrap_or(text)), is_prefix: start.is_some() }
    }

    /// Whether one of the group's names matches.
    #[must_use]
    pub(crate) fn matches(&self, group: &AccessGroup<'_>) -> bool {
        [group.name(), group.id(), group.email()].into_iter().flatten().any(|it| self.is(it))
    }

    /// Whether a text matches.
    #[must_use]
    pub(crate) fn is(&self, text: &str) -> bool {
        let text = fold(text);
        if self.is_prefix { text.starts_with(&self.start) } else { text == self.start }
    }
}
