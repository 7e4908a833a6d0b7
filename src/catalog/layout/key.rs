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

/// The longest path of a field, in bytes: the longest name of a label with its prefix.
const MAX_FIELD_PATH: usize = "metadata.annotations.".len() + MAX_ANNOTATION_NAME;

/// A way of looking a user up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key<'a> {
    /// By the value of an annotation, without case; the name is compared as it is.
    Annotation(&'a str, &'a str),
    /// By `spec.profile.email`, without case.
    Email(&'a str),
    /// By a value of a declared field, without case. The path is in the notation of Backstage's filters.
    Field(&'a str, &'a str),
    /// By canonical entity ref.
    Ref(&'a EntityRef),
}

impl Key<'_> {
    /// The key in KV: `v1:email:<folded email>`, `v1:ref:<entity ref>`,
    /// `v1:annotation:<name>=<folded value>` or `v1:field:<path>=<folded value>`. A value that is too
    /// long for KV is replaced by its digest, and the `:` or `=` in front of it by `#`: a record that is
    /// found by a digest is never found by a value that looks like one. [No name](is_annotation_name) and no [path](is_field_path) has a `=` or
    /// `#`.
    #[must_use]
    pub fn to_kv(self) -> String {
        let (kind, name, value) = match self {
            Self::Annotation(name, value) => (RecordKind::Annotation, name, fold(value)),
            Self::Email(email) => (RecordKind::Email, "", fold(email)),
            Self::Field(path, value) => (RecordKind::Field, path, fold(value)),
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

/// Whether this is the path of a field that records may have: `metadata.labels.<name>`,
/// `metadata.annotations.<name>`, or a member below `spec`.
#[must_use]
pub fn is_field_path(text: &str) -> bool {
    let named = ["metadata.labels.", "metadata.annotations."];
    if let Some(name) = named.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        return is_annotation_name(name);
    }
    let is_member = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    text.len() <= MAX_FIELD_PATH
        && text.strip_prefix("spec.").is_some_and(|path| path.split('.').all(is_member))
}

/// A value as Backstage's catalog folds it for comparison (`toLocaleLowerCase('en-US')`).
#[must_use]
pub fn fold(value: &str) -> String {
    value.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{Key, MAX_ANNOTATION_NAME, MAX_FIELD_PATH, is_field_path};

    #[test]
    fn a_field_is_a_label_an_annotation_or_below_spec() {
        for path in ["metadata.labels.a.io/x", "metadata.annotations.b", "spec.id", "spec.a.b-c_d"]
        {
            assert!(is_field_path(path), "{path}");
        }
        let long = format!("spec.{}", "x".repeat(MAX_FIELD_PATH));
        for path in [
            "",
            "spec",
            "spec.",
            "spec.a..b",
            "spec.a=b",
            "spec.a,b",
            "metadata.name",
            "metadata.labels.",
            &long,
        ] {
            assert!(!is_field_path(path), "{path}");
        }
        let longest = format!("spec.{}", "x".repeat(MAX_FIELD_PATH - 5));
        assert!(is_field_path(&longest));
        assert!(Key::Field(&longest, &"v".repeat(600)).to_kv().len() <= 512);
        assert_eq!(Key::Field("spec.id", "ÄB").to_kv(), "v1:field:spec.id=äb");
    }

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
