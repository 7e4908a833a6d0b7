//! The kinds of records, each with the beginning of its keys.

/// The beginning of every key of the catalog. Other keys of the namespace are not touched. The number
/// is the version of the layout.
pub const PREFIX: &str = "v1:";

/// The sign before a value that is written out: after the name of an annotation, and elsewhere.
const NAMED_SIGN: char = '=';
const SIGN: char = ':';

/// The sign before the digest of a value that is too long for a key.
const DIGEST_SIGN: char = '#';

/// What the users of a record are found by. To add a kind, add a variant and its word.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum RecordKind {
    /// The value of an annotation.
    Annotation,
    /// `spec.profile.email`.
    Email,
    /// A value of a declared field.
    Field,
    /// The canonical entity ref.
    Ref,
}

impl RecordKind {
    /// Every kind, in the order of their keys.
    pub const ALL: [Self; 4] = [Self::Annotation, Self::Email, Self::Field, Self::Ref];

    /// The word of the kind in a key.
    const fn word(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Email => "email",
            Self::Field => "field",
            Self::Ref => "ref",
        }
    }

    /// What users see in messages: `users` for refs, because each user has one.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Annotation => "annotations",
            Self::Email => "emails",
            Self::Field => "fields",
            Self::Ref => "users",
        }
    }

    /// The key of a value, or of its digest.
    pub(super) fn key(self, name: &str, value: &str, is_digest: bool) -> String {
        let word = self.word();
        let (middle, sign) = if self.is_named() { (":", NAMED_SIGN) } else { ("", SIGN) };
        let sign = if is_digest { DIGEST_SIGN } else { sign };
        format!("{PREFIX}{word}{middle}{name}{sign}{value}")
    }

    /// Whether there are several of the kind, each with a name in its keys.
    const fn is_named(self) -> bool {
        matches!(self, Self::Annotation | Self::Field)
    }

    /// The kind of the record with this key, and the name of the annotation or the path of the field if
    /// it is one; `None` for a key that the layout does not have.
    #[must_use]
    pub fn of(key: &str) -> Option<(Self, Option<&str>)> {
        let rest = key.strip_prefix(PREFIX)?;
        let (kind, rest) =
            Self::ALL.into_iter().find_map(|kind| Some((kind, rest.strip_prefix(kind.word())?)))?;
        if kind.is_named() {
            let name = rest.strip_prefix(SIGN)?.split([NAMED_SIGN, DIGEST_SIGN]).next();
            return Some((kind, name));
        }
        rest.starts_with([SIGN, DIGEST_SIGN]).then_some((kind, None))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Key, VERSION};
    use super::{PREFIX, RecordKind};
    use crate::backstage::EntityRef;

    #[test]
    fn the_prefix_has_the_version() {
        assert_eq!(PREFIX, format!("v{VERSION}:"));
    }

    #[test]
    fn the_kind_of_every_key_is_found_again() {
        let long = "x".repeat(600);
        let jane = EntityRef::user("jane").unwrap();
        for value in ["a:b=c#d", &long] {
            let by_id = Key::Annotation("example.com/id", value).to_kv();
            let found = Some((RecordKind::Annotation, Some("example.com/id")));
            assert_eq!(RecordKind::of(&by_id), found);
            let by_label = Key::Field("metadata.labels.a.io/x", value).to_kv();
            let found = Some((RecordKind::Field, Some("metadata.labels.a.io/x")));
            assert_eq!(RecordKind::of(&by_label), found);
            let by_email = Key::Email(value).to_kv();
            assert_eq!(RecordKind::of(&by_email), Some((RecordKind::Email, None)));
        }
        assert_eq!(RecordKind::of(&Key::Ref(&jane).to_kv()), Some((RecordKind::Ref, None)));
        for other in ["v1:", "v1:refs:a", "v2:ref:a", "ref:a", "v1:zz:1", "v1:annotation"] {
            assert_eq!(RecordKind::of(other), None, "{other}");
        }
    }
}
