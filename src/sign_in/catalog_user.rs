//! A user in the catalog, as a resolver sees it.

use serde_json::Value;

use crate::backstage::EntityRef;
use crate::catalog::UserRecord;
use crate::catalog::import::ANNOTATIONS;

/// A user who was found in the catalog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CatalogUser {
    pub(super) record: UserRecord,
}

impl CatalogUser {
    /// The canonical entity ref, such as `user:default/jane`.
    #[must_use]
    pub fn entity_ref(&self) -> &str {
        &self.record.entity_ref
    }

    /// `spec.profile.email`.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.record.email.as_deref()
    }

    /// `spec.profile.displayName`.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.record.display_name.as_deref()
    }

    /// `spec.profile.picture`.
    #[must_use]
    pub fn picture(&self) -> Option<&str> {
        self.record.picture.as_deref()
    }

    /// What the user owns by the catalog: their own ref, then their groups in Backstage's order.
    #[must_use]
    pub fn ownership(&self) -> Vec<EntityRef> {
        self.record.ownership.iter().cloned().map(EntityRef::canonical).collect()
    }

    /// The groups, in Backstage's order.
    pub fn groups(&self) -> impl Iterator<Item = EntityRef> {
        self.ownership().into_iter().filter(|it| it.kind() == "group")
    }

    /// An annotation, if it is declared (`catalog.indexes`, `catalog.fields`) and the user has it.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        let indexed = self.record.annotations.get(name).and_then(Value::as_str);
        indexed.or_else(|| self.record.field(&format!("{ANNOTATIONS}{name}")).next())
    }

    /// The value of a field such as `metadata.labels.desk`, or the values of a list; none if it is not
    /// declared (`catalog.indexes`, `catalog.fields`) or the user does not have it. Numbers and booleans are
    /// texts.
    pub fn field(&self, path: &str) -> impl Iterator<Item = &str> {
        self.record.field(path)
    }
}
