//! What the records have beside refs, profile and groups.

use std::collections::BTreeMap;

use super::entity::Entity;
use super::hierarchy::Hierarchy;
use crate::backstage::EntityRef;

/// What `build`, `push` and the scheduled handler take from the entities.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ImportPolicy {
    /// The annotations that users are found by, sorted.
    pub annotations: Vec<String>,
    /// Whether ownership includes the ancestors of a user's groups
    /// (`CFACCESS.catalog.groups: "transitive"`).
    pub transitive_groups: bool,
}

impl ImportPolicy {
    /// Which of these groups contain which, as far as ownership depends on it.
    #[must_use]
    pub fn hierarchy(&self, entities: &BTreeMap<EntityRef, Entity>) -> Hierarchy {
        if self.transitive_groups { Hierarchy::of(entities) } else { Hierarchy::default() }
    }
}
