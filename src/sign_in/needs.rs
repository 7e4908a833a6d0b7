//! What a resolver needs the catalog's records to have.

use std::collections::BTreeSet;

/// The annotations and fields that a resolver finds users by or reads. They must be declared in
/// `CFACCESS.catalog`, from where `cfaccess catalog` and the scheduled handler know what to put into
/// the records.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Needs {
    pub(crate) annotations: BTreeSet<String>,
    pub(crate) fields: BTreeSet<String>,
}

impl Needs {
    /// Nothing beyond entity ref, email, names, picture and ownership.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// And this annotation.
    #[must_use]
    pub fn annotation(mut self, name: impl Into<String>) -> Self {
        self.annotations.insert(name.into());
        self
    }

    /// And this field, in the notation of Backstage's filters: `metadata.labels.<name>` or `spec.<path>`.
    #[must_use]
    pub fn field(mut self, path: impl Into<String>) -> Self {
        self.fields.insert(path.into());
        self
    }

    /// And all of these.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.annotations.extend(other.annotations);
        self.fields.extend(other.fields);
        self
    }
}
