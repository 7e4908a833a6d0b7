//! Which groups contain which, for ownership that includes the ancestors of a user's groups
//! (`CFACCESS.catalog.groups: "transitive"`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::backstage_api::{live_ref, live_targets};
use super::entity::{Entity, Kind};
use crate::backstage::EntityRef;

/// The relation of a group to the group that contains it (`RELATION_CHILD_OF`).
pub(super) const CHILD_OF: &str = "childOf";

/// The groups that contain each group directly; `None` if they cannot be read.
#[derive(Debug, Default)]
pub struct Hierarchy(BTreeMap<String, Option<Vec<String>>>);

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
        self.0.insert(group.to_string(), None);
        Err(group.to_string())
    }

    /// The ancestors of the groups among these ownership refs that are not among them: parents before
    /// grandparents, those of one generation sorted, each once. Groups that contain each other are
    /// ancestors of each other. `None` if the parents of one of them cannot be read.
    #[must_use]
    pub fn ancestors(&self, ownership: &[String]) -> Option<Vec<String>> {
        let mut ancestors: Vec<String> = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        let mut generation: Vec<&str> = ownership.iter().map(String::as_str).collect();
        for own in &generation {
            insert(&mut seen, own);
        }
        while !generation.is_empty() {
            let mut next = Vec::new();
            for parents in generation.iter().filter_map(|group| self.0.get(*group)) {
                for parent in parents.as_ref()? {
                    if insert(&mut seen, parent) {
                        insert(&mut next, parent);
                    }
                }
            }
            ancestors.extend(next.iter().map(|it| (*it).to_owned()));
            generation = next;
        }
        Some(ancestors)
    }

    fn add(&mut self, group: &EntityRef, parent: String) {
        let parents = self.0.entry(group.to_string()).or_insert_with(|| Some(Vec::new()));
        if let Some(parents) = parents {
            parents.push(parent);
        }
    }
}

/// Adds a text to a sorted list, unless it is there. (A set would be more code in the upload.)
fn insert<'a>(list: &mut Vec<&'a str>, text: &'a str) -> bool {
    match list.binary_search(&text) {
        Ok(_) => false,
        Err(at) => {
            list.insert(at, text);
            true
        }
    }
}
