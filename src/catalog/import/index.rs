//! From entities to the records of the `CATALOG` KV.
//!
//! A record's ownership is what Backstage itself would put into the user's token
//! (`getDefaultOwnershipEntityRefs` of `@backstage/plugin-auth-backend`): the user's own ref, then
//! the groups of its `memberOf` relations, each once. A running catalog gives the relations in the
//! order of type and target ref (`performStitching` of `@backstage/plugin-catalog-backend`); that
//! order is kept, and made where the entities come from files. With `catalog.groups: "transitive"` the
//! ancestors of these groups follow.

use std::collections::{BTreeMap, BTreeSet};

use super::entity::{Entity, Kind, Membership, User};
use super::hierarchy::Hierarchy;
use crate::backstage::EntityRef;
use crate::catalog::{Record, UserRecord};

/// The records, and what an operator wants to know of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Index {
    /// The records by KV key.
    pub records: BTreeMap<String, Record>,
    /// How many users there are.
    pub users: usize,
    /// How many groups there are.
    pub groups: usize,
    /// The users without an email, who cannot be found by one.
    pub without_email: Vec<EntityRef>,
    /// What several users have in common, so that no user can sign in by it: the ends of the keys, such as
    /// `jane@example.com` or `example.com/id=7`, with the users' refs.
    pub ambiguous: BTreeMap<String, Vec<String>>,
    /// How many users have each annotation and each field that users are found by, by name and path.
    pub annotated: BTreeMap<String, usize>,
}

impl Index {
    /// Builds the records: for each user one by ref, with an email one by email, and one by each
    /// annotation. What several users have in common is ambiguous.
    #[must_use]
    pub fn of(entities: &BTreeMap<EntityRef, Entity>) -> Self {
        Self::with(entities, &Hierarchy::default(), &[])
    }

    /// The same, where ownership includes the ancestors of a user's groups, and users are also found by
    /// these fields.
    #[must_use]
    pub fn with(
        entities: &BTreeMap<EntityRef, Entity>,
        hierarchy: &Hierarchy,
        indexes: &[String],
    ) -> Self {
        let members = members(entities);
        let mut index = Self::default();
        let mut users: BTreeMap<String, Vec<UserRecord>> = BTreeMap::new();
        for (entity_ref, entity) in entities {
            let user = match &entity.kind {
                Kind::User(user) => user,
                Kind::Group(_) => {
                    index.groups += 1;
                    continue;
                }
                Kind::Location | Kind::Other => continue,
            };
            index.users += 1;
            if user.email.is_none() {
                index.without_email.push(entity_ref.clone());
            }
            let found_by = user.fields.keys().filter(|path| indexes.contains(path));
            for name in user.annotations.keys().chain(found_by) {
                *index.annotated.entry(name.clone()).or_default() += 1;
            }
            let mut record = record(entity_ref, user, members.get(entity_ref));
            // A group that cannot be read was a problem before.
            let ancestors = hierarchy.ancestors(&record.ownership);
            record.ownership.extend(ancestors.unwrap_or_default());
            for key in record.keys(indexes) {
                users.entry(key).or_default().push(record.clone());
            }
        }
        for (key, users) in users {
            let record = match <[UserRecord; 1]>::try_from(users) {
                Ok([user]) => Record::One(user),
                Err(users) => {
                    let refs: Vec<String> = users.into_iter().map(|user| user.entity_ref).collect();
                    let shared = key.splitn(3, [':', '#']).last().unwrap_or_default();
                    index.ambiguous.insert(shared.to_owned(), refs.clone());
                    Record::Many(refs)
                }
            };
            index.records.insert(key, record);
        }
        index
    }
}

/// The groups that name each user in their `spec.members`.
fn members(entities: &BTreeMap<EntityRef, Entity>) -> BTreeMap<&EntityRef, BTreeSet<&EntityRef>> {
    let mut members: BTreeMap<&EntityRef, BTreeSet<&EntityRef>> = BTreeMap::new();
    for (group, entity) in entities {
        if let Kind::Group(spec) = &entity.kind {
            for user in &spec.members {
                members.entry(user).or_default().insert(group);
            }
        }
    }
    members
}

fn record(
    entity_ref: &EntityRef,
    user: &User,
    named_by: Option<&BTreeSet<&EntityRef>>,
) -> UserRecord {
    let groups: Vec<&EntityRef> = match &user.membership {
        Membership::Relations(groups) => groups.iter().collect(),
        Membership::Spec(groups) => {
            let own = groups.iter().flatten().filter(|target| target.kind() == "group");
            let named_by = named_by.into_iter().flatten().copied();
            own.chain(named_by).collect::<BTreeSet<_>>().into_iter().collect()
        }
    };
    let mut ownership = vec![entity_ref.to_string()];
    for group in groups {
        let group = group.to_string();
        if !ownership.contains(&group) {
            ownership.push(group);
        }
    }
    UserRecord {
        entity_ref: entity_ref.to_string(),
        ownership,
        email: user.email.clone(),
        display_name: user.display_name.clone(),
        picture: user.picture.clone(),
        annotations: user.annotations.clone(),
        fields: user.fields.clone(),
    }
}
