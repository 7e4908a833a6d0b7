//! A record in the form in which wrangler and KV's REST interface take many at once.

use serde::Serialize;

use crate::catalog::Metadata;

/// A key and its value, with the digest by which `catalog push` sees later whether it has changed.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    key: String,
    value: String,
    metadata: Metadata,
}

impl Entry {
    pub(super) fn new(key: String, value: String) -> Self {
        let metadata = Metadata::of(&value);
        Self { key, value, metadata }
    }

    /// How many bytes it has, about.
    pub(super) fn size(&self) -> usize {
        self.key.len() + self.value.len() + 100
    }

    /// The key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}
