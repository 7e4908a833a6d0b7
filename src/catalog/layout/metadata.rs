//! The metadata of a key.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What a key carries in KV as metadata, `{"h":"…"}`: the digest of its value. It tells from the list
/// of keys alone whether a record has changed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Metadata {
    h: String,
}

impl Metadata {
    /// The metadata of a value.
    #[must_use]
    pub fn of(value: &str) -> Self {
        Self { h: digest(value) }
    }

    /// The digest in the metadata of an item of KV's list of keys; `None` if it has none.
    #[must_use]
    pub fn digest_of(item: &Value) -> Option<&str> {
        item.get("metadata")?.get("h")?.as_str()
    }
}

/// The digest of a value: half of a SHA-256 in hexadecimal, which is long enough that no two values
/// with one digest can be found.
#[must_use]
pub fn digest(value: &str) -> String {
    let mut digest = base16ct::lower::encode_string(&Sha256::digest(value.as_bytes()));
    digest.truncate(32);
    digest
}
