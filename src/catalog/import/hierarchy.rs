//! Which groups contain which, for ownership that includes the ancestors of a user's groups
//! (`CFACCESS.catalog.groups: "transitive"`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::backstage_api::{live_ref, live_targets};
use super::entity::{Entity, Kind};
use crate::backstage::EntityRef;

/// The relation of a group to the group that contains it (`RELATION_CHILD_OF`).
pub(super) const CHILD_OF: &str = "childOf";

/// The groups that contain each group directly.
#[derive(Debug, Default)]
pub struct Hierarchy {
    parents: BTreeMap<String, BTreeSet<String>>,
    /// Groups whose parents cannot be read.
    unreadable: BTreeSet<String>,
}

impl Hierarchy {
    /// What groups say of each other.
    #[must_use]
    pub fn of(entities: &BTreeMap<EntityRef, Entity>) -> Self {
        let mut hierarchy = Self::default();
        for (group, entity) in entities {
            let Kind::Group(spec) = &entity.kind else { continue };
            for parent in &spec.parents {
                hierarchy.add(group, parent.to_string());
            }
            for child in &spec.children {
                hierarchy.add(child, group.to_string());
            }
        }
        hierarchy
    }

    /// Notes a group of a running catalog, which has joined what groups say of each other.
    ///
    /// # Errors
    /// The group's ref, if its parents cannot be read; if it has none, a text in its place.
    pub fn note(&mut self, item: &Value) -> Result<(), String> {
        let group = live_ref(item, "Group").ok_or("a group without a name")?;
        if let Some(parents) = live_targets(item, CHILD_OF) {
            for parent in parents {
                self.add(&group, parent);
            }
            return Ok(());
        }
        self.unreadable.insert(group.to_string());
        Err(group.to_string())
    }

    /// The ancestors of the groups among these ownership refs that are not among them: parents before
    /// grandparents, those of one generation sorted, each once. Groups that contain each other are
    /// ancestors of each other. `None` if the parents of one of them cannot be read.
    #[must_use]
    pub fn ancestors(&self, ownership: &[String]) -> Option<Vec<String>> {
        let mut ancestors = Vec::new();
        let mut seen: BTreeSet<&String> = ownership.iter().collect();
        let mut generation = seen.clone();
        while !generation.is_empty() {
            if generation.iter().any(|group| self.unreadable.contains(*group)) {
                return None;
            }
            let parents = generation.iter().filter_map(|group| self.parents.get(*group)).flatten();
            generation = parents.filter(|parent| !seen.contains(parent)).collect();
            ancestors.extend(generation.iter().map(|it| (*it).clone()));
            seen.extend(&generation);
        }
        Some(ancestors)
    }

    fn add(&mut self, group: &EntityRef, parent: String) {
        self.parents.entry(group.to_string()).or_default().insert(parent);
    }
}
