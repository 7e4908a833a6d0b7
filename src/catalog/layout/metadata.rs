//! The metadata of a key.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What a key carries in KV as metadata, `{"h":"…","g":2}`: the digest of its value, and how many groups
/// it has. It tells from the list of keys alone whether a record has changed, and how many memberships
/// a change would remove.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Metadata {
    h: String,
    g: usize,
}

impl Metadata {
    /// The metadata of a value.
    #[must_use]
    pub fn of(value: &str) -> Self {
        Self { h: digest(value), g: count_groups(value) }
    }

    /// The digest in the metadata of an item of KV's list of keys; `None` if it has none.
    #[must_use]
    pub fn digest_of(item: &Value) -> Option<&str> {
        item.get("metadata")?.get("h")?.as_str()
    }

    /// The number of groups there; `None` if it has none, as records of earlier versions.
    #[must_use]
    pub fn groups_of(item: &Value) -> Option<usize> {
        usize::try_from(item.get("metadata")?.get("g")?.as_u64()?).ok()
    }
}

/// How many groups a value has. For a limit this is exact enough: only a profile whose text is itself
/// like a ref is counted in, and the same way each time.
#[must_use]
pub fn count_groups(value: &str) -> usize {
    value.matches("\"group:").count()
}

/// The digest of a value: half of a SHA-256 in hexadecimal, which is long enough that no two values
/// with one digest can be found.
#[must_use]
pub fn digest(value: &str) -> String {
    let mut digest = base16ct::lower::encode_string(&Sha256::digest(value.as_bytes()));
    digest.truncate(32);
    digest
}
