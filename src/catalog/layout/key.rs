//! The keys of the `CATALOG` KV: the ways of looking a user up.

use sha2::{Digest, Sha256};

use super::RecordKind;
use crate::backstage::EntityRef;

/// The longest value part of a key that is spelled out, in bytes, the name of an annotation counted
/// in; KV allows 512 for the whole key.
const MAX_SPELLED_OUT: usize = 400;

/// The longest name of an annotation, in bytes: a domain, a slash and a name
/// (`KubernetesValidatorFunctions`).
const MAX_ANNOTATION_NAME: usize = 253 + 1 + 63;

/// A way of looking a user up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key<'a> {
    /// By the value of an annotation, without case; the name is compared as it is.
    Annotation(&'a str, &'a str),
    /// By `spec.profile.email`, without case.
    Email(&'a str),
    /// By canonical entity ref.
    Ref(&'a EntityRef),
}

impl Key<'_> {
    /// The key in KV: `v1:email:<folded email>`, `v1:ref:<entity ref>` or
    /// `v1:annotation:<name>=<folded value>`. A value that is too long for KV is replaced by its
    /// digest, and the `:` or `=` in front of it by `#`: what is found by a digest is never found by a
    /// value that looks like one. [No name](is_annotation_name) has a `=` or `#`.
    #[must_use]
    pub fn to_kv(self) -> String {
        let (kind, name, value) = match self {
            Self::Annotation(name, value) => (RecordKind::Annotation, name, fold(value)),
            Self::Email(email) => (RecordKind::Email, "", fold(email)),
            Self::Ref(entity_ref) => (RecordKind::Ref, "", entity_ref.as_str().to_owned()),
        };
        if name.len() + value.len() <= MAX_SPELLED_OUT {
            return kind.key(name, &value, false);
        }
        let digest = base16ct::lower::encode_string(&Sha256::digest(value.as_bytes()));
        kind.key(name, &digest, true)
    }
}

/// Whether an annotation can have this name: of the characters of Kubernetes' names, and no longer.
#[must_use]
pub fn is_annotation_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    !text.is_empty() && text.len() <= MAX_ANNOTATION_NAME && text.bytes().all(is_plain)
}

/// A value as Backstage's catalog folds it for comparison (`toLocaleLowerCase('en-US')`).
#[must_use]
pub fn fold(value: &str) -> String {
    value.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{Key, MAX_ANNOTATION_NAME};

    #[test]
    fn keys_fold_case_and_stay_within_kvs_limit_whatever_the_input() {
        assert_eq!(Key::Email("JANE@Example.com").to_kv(), "v1:email:jane@example.com");
        let long = "ẞ".repeat(5000);
        let key = Key::Email(&long).to_kv();
        assert!(key.len() <= 512 && key.starts_with("v1:email#"), "{key}");
        assert_ne!(key, Key::Email(&long.to_lowercase().repeat(2)).to_kv());
        let by_id = Key::Annotation("example.com/id", "ÄB").to_kv();
        assert_eq!(by_id, "v1:annotation:example.com/id=äb");
        let name = "n".repeat(MAX_ANNOTATION_NAME);
        for value in [&long, &"v".repeat(400 - name.len()), &"v".repeat(401 - name.len())] {
            let key = Key::Annotation(&name, value).to_kv();
            assert!(key.len() <= 512 && key.starts_with("v1:annotation:nnn"), "{key}");
        }
    }
}
