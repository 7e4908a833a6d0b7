//! What the records have beside refs, profile and groups.

use std::collections::BTreeMap;

use super::entity::Entity;
use super::hierarchy::Hierarchy;
use crate::backstage::EntityRef;

/// How a path names an annotation.
pub const ANNOTATIONS: &str = "metadata.annotations.";

/// What `build`, `push` and the scheduled handler take from the entities.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ImportPolicy {
    /// The annotations that users are found by, sorted.
    pub annotations: Vec<String>,
    /// The fields that users are found by: paths in the notation of Backstage's filters
    /// (`CFACCESS.catalog.indexes`), sorted.
    pub indexes: Vec<String>,
    /// The fields that records have without users being found by them (`CFACCESS.catalog.fields`).
    pub fields: Vec<String>,
    /// Whether ownership includes the ancestors of a user's groups
    /// (`CFACCESS.catalog.groups: "transitive"`).
    pub transitive_groups: bool,
}

impl ImportPolicy {
    /// Adds what users are found by, as `CFACCESS.catalog.indexes` names it: an annotation or a field.
    pub fn add_index(&mut self, path: &str) {
        let (names, name) = match path.strip_prefix(ANNOTATIONS) {
            Some(name) => (&mut self.annotations, name),
            None => (&mut self.indexes, path),
        };
        if let Err(at) = names.binary_search_by(|it| it.as_str().cmp(name)) {
            names.insert(at, name.to_owned());
        }
    }

    /// The paths of all fields of a record, each once.
    pub fn field_paths(&self) -> impl Iterator<Item = &String> {
        let others = self.fields.iter().filter(|path| !self.indexes.contains(path));
        self.indexes.iter().chain(others)
    }

    /// Whether a record may have this annotation or field.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        let annotation = path.strip_prefix(ANNOTATIONS);
        self.field_paths().any(|it| it == path)
            || annotation.is_some_and(|name| self.annotations.iter().any(|it| it == name))
    }

    /// Which of these groups contain which, as far as ownership depends on it.
    #[must_use]
    pub fn hierarchy(&self, entities: &BTreeMap<EntityRef, Entity>) -> Hierarchy {
        if self.transitive_groups { Hierarchy::of(entities) } else { Hierarchy::default() }
    }
}

impl From<Vec<String>> for ImportPolicy {
    fn from(annotations: Vec<String>) -> Self {
        Self { annotations, ..Self::default() }
    }
}
