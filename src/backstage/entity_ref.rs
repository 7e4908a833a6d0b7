//! `kind:namespace/name`, as `parseEntityRef` and `stringifyEntityRef` of
//! `@backstage/catalog-model` read and write it.

use std::fmt;

/// The namespace of a ref that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// A canonical entity ref: complete and in lower case.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EntityRef(String);

impl EntityRef {
    /// A ref from its parts; `None` if one is empty. The default namespace stands for an absent one.
    #[must_use]
    pub fn new(kind: &str, namespace: Option<&str>, name: &str) -> Option<Self> {
        let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE);
        if kind.is_empty() || namespace.is_empty() || name.is_empty() {
            return None;
        }
        Some(Self(format!("{kind}:{namespace}/{name}").to_lowercase()))
    }

    /// A ref that Backstage wrote, and that is taken as it is.
    pub(crate) const fn canonical(text: String) -> Self {
        Self(text)
    }

    /// Reads `[<kind>:][<namespace>/]<name>`; `None` if a part that is given is empty, or if there
    /// is no kind and no default for it.
    #[must_use]
    pub fn parse(text: &str, default_kind: Option<&str>) -> Option<Self> {
        let slash = text.find('/');
        // A colon behind the slash belongs to the name.
        let colon = text.find(':').filter(|colon| slash.is_none_or(|slash| *colon < slash));
        let (kind, rest) = match colon {
            Some(at) => {
                let (kind, rest) = text.split_at(at);
                (Some(kind), rest.strip_prefix(':').unwrap_or(rest))
            }
            None => (None, text),
        };
        let (namespace, name) = match rest.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, rest),
        };
        Self::new(kind.or(default_kind)?, namespace, name)
    }

    /// The ref of the user with this name in the default namespace.
    #[must_use]
    pub fn user(name: &str) -> Option<Self> {
        Self::new("user", None, name)
    }

    /// The ref of the group with this name in the default namespace.
    #[must_use]
    pub fn group(name: &str) -> Option<Self> {
        Self::new("group", None, name)
    }

    /// Whether the ref has exactly one `/`, and no white space or control characters. A ref that is
    /// not plain can be read in two ways, so no token is made out to it.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let is_odd = |c: char| c.is_whitespace() || c.is_control();
        self.0.matches('/').count() == 1 && !self.0.contains(is_odd)
    }

    /// The whole ref.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole ref, as its own text.
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// The kind, in lower case.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::EntityRef;

    fn parse(text: &str) -> Option<String> {
        EntityRef::parse(text, Some("User")).map(|entity_ref| entity_ref.to_string())
    }

    #[test]
    fn missing_parts_get_their_defaults_and_all_is_lower_case() {
        assert_eq!(parse("Jane").as_deref(), Some("user:default/jane"));
        assert_eq!(parse("Ops/Jane").as_deref(), Some("user:ops/jane"));
        assert_eq!(parse("Group:Team-A").as_deref(), Some("group:default/team-a"));
        assert_eq!(parse("GROUP:Ops/Team-A").as_deref(), Some("group:ops/team-a"));
    }

    #[test]
    fn a_colon_behind_the_slash_belongs_to_the_name() {
        assert_eq!(parse("ops/a:b").as_deref(), Some("user:ops/a:b"));
    }

    #[test]
    fn an_empty_part_makes_no_ref() {
        for text in ["", ":a", "user:", "/a", "user:/a", "user:ops/"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(EntityRef::parse("jane", None), None);
    }
}
