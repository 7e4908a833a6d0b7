//! A record in the form in which wrangler and KV's REST interface take many at once.

use serde::Serialize;

use crate::catalog::import::CLAIM_TTL;
use crate::catalog::{CLAIM_PREFIX, Metadata, is_sync_key};

/// A key and its value, with the digest by which `catalog push` sees later whether it has changed.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    key: String,
    value: String,
    metadata: EntryMetadata,
    /// The seconds until KV deletes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_ttl: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum EntryMetadata {
    Record(Metadata),
    /// The value, of a key that is no record's.
    Sync(String),
}

impl Entry {
    pub(super) fn new(key: String, value: String) -> Self {
        let metadata = if is_sync_key(&key) {
            EntryMetadata::Sync(value.clone())
        } else {
            EntryMetadata::Record(Metadata::of(&value))
        };
        let expiration_ttl = key.starts_with(CLAIM_PREFIX).then_some(CLAIM_TTL);
        Self { key, value, metadata, expiration_ttl }
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
