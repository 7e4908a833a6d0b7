//! What is done to a value before a user is looked up by it.

/// The longest entity name, in characters (`KubernetesValidatorFunctions.isValidObjectName`).
const MAX_NAME: usize = 63;

/// A step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Transform {
    /// Keep what is before the `@`.
    LocalPart,
    /// Lower case.
    LowerCase,
    /// Drop plus-addressing: `jane+test` becomes `jane`, and `jane+test@example.com`
    /// `jane@example.com`.
    WithoutPlus,
    /// Make it an entity name, see [`slug`].
    Slug,
}

impl Transform {
    pub(crate) const NAMES: [(&'static str, Self); 4] = [
        ("localPart", Self::LocalPart),
        ("lowerCase", Self::LowerCase),
        ("slug", Self::Slug),
        ("withoutPlus", Self::WithoutPlus),
    ];

    /// Does the step; `None` if nothing is left.
    #[must_use]
    pub(crate) fn apply(self, text: &str) -> Option<String> {
        let result = match self {
            Self::LocalPart => text.split('@').next().unwrap_or_default().to_owned(),
            Self::LowerCase => text.to_lowercase(),
            Self::Slug => slug(text)?,
            Self::WithoutPlus => {
                let (local_part, domain) = text.split_at(text.find('@').unwrap_or(text.len()));
                let name = local_part.split('+').next().unwrap_or_default();
                if name.is_empty() {
                    return None;
                }
                format!("{name}{domain}")
            }
        };
        (!result.is_empty()).then_some(result)
    }
}

/// A text as an entity name: in lower case, each run of other characters than `a-z 0-9 . _ -`
/// replaced by `-`, cut to 63 characters, with a letter or digit at both ends. `None` if nothing is
/// left.
#[must_use]
pub fn slug(text: &str) -> Option<String> {
    let mut slug = String::new();
    for char in text.to_lowercase().chars() {
        if char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-') {
            slug.push(char);
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let is_end = |char: char| !char.is_ascii_alphanumeric();
    let slug: String = slug.trim_matches(is_end).chars().take(MAX_NAME).collect();
    let slug = slug.trim_end_matches(is_end);
    (!slug.is_empty()).then(|| slug.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Transform, slug};

    #[test]
    fn slug_is_a_valid_entity_name_or_nothing() {
        assert_eq!(slug("Team A & B").as_deref(), Some("team-a-b"));
        assert_eq!(slug("--x--").as_deref(), Some("x"));
        assert_eq!(slug("Ärzte").as_deref(), Some("rzte"));
        assert_eq!(slug("a_b.c-d").as_deref(), Some("a_b.c-d"));
        assert_eq!(slug(&format!("{}-{}", "a".repeat(62), "b")), Some("a".repeat(62)));
        for text in ["", "---", "ß", " "] {
            assert_eq!(slug(text), None, "{text}");
        }
    }

    #[test]
    fn transforms_leave_nothing_rather_than_an_empty_value() {
        assert_eq!(Transform::LocalPart.apply("jane@example.com").as_deref(), Some("jane"));
        assert_eq!(Transform::LocalPart.apply("@example.com"), None);
        assert_eq!(Transform::WithoutPlus.apply("jane+x@a.com").as_deref(), Some("jane@a.com"));
        assert_eq!(Transform::WithoutPlus.apply("+x@a.com"), None);
    }
}
