//! `CFACCESS.ownership`: what users own beyond the catalog, and of it.

use super::AccessResult;
use super::pattern::Pattern;
use super::transform::slug;
use crate::backstage::EntityRef;
use crate::reader::Reader;

/// The rules.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OwnershipPolicy {
    add: Vec<Addition>,
    /// If there are any, group refs that match none of these are removed.
    keep: Vec<Pattern>,
}

/// Turns a group of the identity provider into a group ref.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Addition {
    group: Pattern,
    /// What comes before and after the group's slug, or the whole ref.
    target: Target,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Target {
    /// The same group for all.
    Fixed(EntityRef),
    /// The namespace, and what stands around the slug of the group's name.
    Named { namespace: String, before: String, after: String },
}

impl OwnershipPolicy {
    /// Whether there is no rule, so that users own what the catalog says.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.add.is_empty() && self.keep.is_empty()
    }

    /// Applies the rules to what the catalog says. The user's own ref always stays, and stays first.
    pub(super) fn apply(&self, refs: Vec<EntityRef>, result: &AccessResult) -> Vec<EntityRef> {
        if self.is_empty() {
            return refs;
        }
        let mut refs = refs;
        for group in result.groups() {
            let name = group.name().or(group.id()).unwrap_or_default();
            let added = self.add.iter().filter(|it| it.group.matches(&group));
            for entity_ref in added.filter_map(|it| it.target.of(name)) {
                if !refs.contains(&entity_ref) {
                    refs.push(entity_ref);
                }
            }
        }
        self.keep(refs)
    }

    /// Removes the groups that must not stay.
    #[must_use]
    pub fn keep(&self, mut refs: Vec<EntityRef>) -> Vec<EntityRef> {
        if !self.keep.is_empty() {
            refs.retain(|it| {
                it.kind() != "group" || self.keep.iter().any(|keep| keep.is(it.as_str()))
            });
        }
        refs
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let add = reader.each("add", Addition::read);
        let keep = reader.strings("keep");
        for pattern in &keep {
            if !pattern.starts_with("group:") || !pattern.contains('/') {
                reader.problem(
                    "keep",
                    format!("must hold group refs such as `group:default/*`, not `{pattern}`"),
                );
            }
        }
        Self { add, keep: keep.iter().map(|it| Pattern::new(it)).collect() }
    }
}

impl Addition {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let group = reader.required_string(
            "group",
            "a group of the identity provider, by name, id or email, such as `platform-*`",
        );
        let target = reader.required_string(
            "ref",
            "the Backstage group, such as `group:default/platform` or `group:default/*`",
        );
        let (group, target) = (group?, target?);
        let Some(target) = Target::parse(&target) else {
            reader.problem(
                "ref",
                format!(
                    "must be a group ref, with `*` for the group's name, such as \
                     `group:default/*`, not `{target}`"
                ),
            );
            return None;
        };
        Some(Self { group: Pattern::new(&group), target })
    }
}

impl Target {
    fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.strip_prefix("group:")?.split_once('/')?;
        let is_plain = |part: &str| {
            part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if namespace.is_empty() || !is_plain(namespace) {
            return None;
        }
        match name.split_once('*') {
            None if !name.is_empty() && is_plain(name) => {
                EntityRef::new("group", Some(namespace), name).map(Self::Fixed)
            }
            Some((before, after)) if is_plain(before) && is_plain(after) => Some(Self::Named {
                namespace: namespace.to_owned(),
                before: before.to_owned(),
                after: after.to_owned(),
            }),
            _ => None,
        }
    }

    fn of(&self, group: &str) -> Option<EntityRef> {
        match self {
            Self::Fixed(entity_ref) => Some(entity_ref.clone()),
            Self::Named { namespace, before, after } => {
                let name = slug(group).filter(|it| !it.is_empty())?;
                EntityRef::new("group", Some(namespace), &format!("{before}{name}{after}"))
            }
        }
    }
}
