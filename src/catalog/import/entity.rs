//! The few parts of a catalog entity that sign-in needs, read from its JSON form: what
//! `/api/catalog/entities` answers, or a catalog file before Backstage has processed it.
//!
//! The rules are those of `@backstage/catalog-model` 1.10 (`FieldFormatEntityPolicy`, the schemas of
//! `User` and `Group`) and of `BuiltinKindsEntityProcessor` in `@backstage/plugin-catalog-backend`
//! 4.0. What they do not concern is not looked at.

use serde_json::{Map, Value};

use super::entity_reader::Reader;
use super::policy::ImportPolicy;
use crate::backstage::EntityRef;
use crate::problem::Problem;

/// A catalog entity, as far as sign-in is concerned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entity {
    /// Its canonical ref.
    pub entity_ref: EntityRef,
    /// What it is.
    pub kind: Kind,
}

/// What an entity is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A group.
    Group(Group),
    /// `spec.targets` of a `Location` are further files, which only Backstage follows.
    Location,
    /// Anything else.
    Other,
    /// A person.
    User(User),
}

/// A group: its users, the groups in it, and the groups that it is in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group {
    /// `spec.members`: users.
    pub members: Vec<EntityRef>,
    /// `spec.children`: groups. Empty if the entity comes from a running catalog, where each group
    /// names its parents.
    pub children: Vec<EntityRef>,
    /// `spec.parent`; in a running catalog the groups that its `childOf` relations name.
    pub parents: Vec<EntityRef>,
}

/// A person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// `spec.profile.email`, as written.
    pub email: Option<String>,
    /// `spec.profile.displayName`.
    pub display_name: Option<String>,
    /// `spec.profile.picture`.
    pub picture: Option<String>,
    /// The groups.
    pub membership: Membership,
    /// Those of its annotations that users are found by.
    pub annotations: Map<String, Value>,
    /// The declared fields that it has, by path.
    pub fields: Map<String, Value>,
}

/// What an entity says of a user's groups.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Membership {
    /// The targets of its `memberOf` relations that are groups, in their order: the entity comes
    /// from a running catalog, which has joined what users and groups say of each other.
    Relations(Vec<EntityRef>),
    /// `spec.memberOf`: the entity comes from a file, and groups may say more. `None` if it is
    /// missing, which Backstage's schema does not allow.
    Spec(Option<Vec<EntityRef>>),
}

/// Why a document is not an entity that sign-in is concerned with, whatever else is in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Foreign {
    /// Another kind than `User`, `Group` and `Location`.
    Kind,
    /// An `apiVersion` that is not Backstage's, such as that of a Kubernetes object.
    ApiVersion,
}

impl Foreign {
    /// Whether this document is to be passed over. A misspelled kind or version of Backstage's own is not:
    /// it is a mistake.
    #[must_use]
    pub fn of(document: &Value) -> Option<Self> {
        let kind = document.get("kind")?.as_str()?;
        if !["User", "Group", "Location"].iter().any(|it| it.eq_ignore_ascii_case(kind)) {
            return Some(Self::Kind);
        }
        let version = document.get("apiVersion")?.as_str()?.trim().to_ascii_lowercase();
        let is_backstage = version.split('/').next() == Some("backstage.io");
        (!is_backstage).then_some(Self::ApiVersion)
    }
}

impl Entity {
    /// Reads an entity; of its annotations and fields those of the policy.
    ///
    /// The schema and the form of names are checked only where Backstage has not done so: a running catalog
    /// may have rules of its own (`setFieldFormatValidators`) and answer with a part of each entity
    /// (`?fields=`), and its entities carry `relations`.
    ///
    /// # Errors
    /// Every problem there is, each at a path such as `spec.profile.email`.
    pub fn read(value: &Value, policy: &ImportPolicy) -> Result<Self, Vec<Problem>> {
        if !value.is_object() || (value.get("kind").is_none() && value.get("metadata").is_none()) {
            let message = "is not a catalog entity: an object with `kind` and `metadata`";
            return Err(vec![Problem::new("this", message)]);
        }
        Reader::new(value, policy).entity()
    }
}
