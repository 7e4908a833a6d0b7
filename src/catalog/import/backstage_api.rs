//! The users of a running Backstage, one by one. [`Pages`](super::Pages) reads them page by page.
//!
//! Only users are asked for: a running catalog has joined what users and groups say of each other,
//! and its users carry the result as `relations`.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::entity::{Entity, Kind};
use super::entity_reader::{MAX_ANNOTATION, MEMBER_OF};
use super::fields::fields;
use super::policy::ImportPolicy;
use super::validators::{is_live_name, parse_live_ref};
use crate::backstage::EntityRef;
use crate::catalog::UserRecord;

/// What is read of a user, its annotations apart.
pub(super) const FIELDS: &str = "kind,metadata.name,metadata.namespace,spec.profile.email,\
                      spec.profile.displayName,spec.profile.picture,relations";

/// Reads an entity of a page, with those of its annotations and fields that the policy names.
///
/// # Errors
/// What is wrong with it, after its name if it has one.
pub fn live_entity(item: &Value, policy: &ImportPolicy) -> Result<Entity, Vec<String>> {
    let name = item.get("metadata").and_then(|metadata| metadata.get("name"));
    let name = name.and_then(Value::as_str).unwrap_or("without a name");
    let say = |problem: &dyn std::fmt::Display| format!("user {name}: {problem}");
    let is_not_live =
        || vec![say(&"is not a user with `relations`, as a running catalog has them")];
    if item.get("relations").is_none() {
        return Err(is_not_live());
    }
    match Entity::read(item, policy) {
        Ok(entity) if matches!(entity.kind, Kind::User(_)) => Ok(entity),
        Ok(_) => Err(is_not_live()),
        Err(problems) => Err(problems.iter().map(|problem| say(problem)).collect()),
    }
}

/// A user of a page, as far as it can be read.
///
/// `live_entity` reports everything that is wrong with an entity to an operator. Cron has no operator:
/// this says where something is wrong and leaves that out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LiveUser {
    /// Who it is.
    pub entity_ref: EntityRef,
    /// The record; without ownership if the groups cannot be read.
    pub user: UserRecord,
    /// Where it cannot be read.
    pub left_out: Vec<&'static str>,
}

/// Reads a user of a page, with those of its annotations and fields that the policy names, unless it
/// cannot be told who it is.
#[must_use]
pub fn live_user(item: &Value, policy: &ImportPolicy) -> Option<LiveUser> {
    let text = |value: Option<&Value>| {
        value.and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned)
    };
    let entity_ref = live_ref(item, "User")?;

    let mut left_out = Vec::new();
    let profile = item.get("spec").and_then(|spec| spec.get("profile"));
    let mut member = |name: &str, path: &'static str| {
        let value = profile.and_then(|profile| profile.get(name));
        let is_blank = |c: char| c.is_whitespace() || c.is_control();
        let is_email = name == "email";
        let member = text(value).filter(|text| !is_email || !text.contains(is_blank));
        if value.is_some() && member.is_none() {
            left_out.push(path);
        }
        member
    };
    let email = member("email", "spec.profile.email");
    let display_name = member("displayName", "spec.profile.displayName");
    let picture = member("picture", "spec.profile.picture");

    let mut annotated = Map::new();
    let given = item.pointer("/metadata/annotations");
    for name in &policy.annotations {
        match given.and_then(|given| given.get(name)) {
            None => {}
            // It finds no user.
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) if text.len() <= MAX_ANNOTATION => {
                annotated.insert(name.clone(), text.as_str().into());
            }
            Some(_) => left_out.push("metadata.annotations"),
        }
    }

    let mut ownership = Vec::new();
    if let Some(groups) = live_targets(item, MEMBER_OF) {
        ownership.push(entity_ref.to_string());
        for group in groups {
            if !ownership.contains(&group) {
                ownership.push(group);
            }
        }
    } else {
        left_out.push("relations");
    }
    let user = UserRecord {
        entity_ref: entity_ref.to_string(),
        ownership,
        email,
        display_name,
        picture,
        annotations: annotated,
        fields: fields(item, policy, |_, _| left_out.push("a declared field")),
    };
    Some(LiveUser { entity_ref, user, left_out })
}

/// The ref of an entity of this kind.
pub(super) fn live_ref(item: &Value, kind: &str) -> Option<EntityRef> {
    let name = |value: &Value| value.as_str().filter(|it| is_live_name(it)).map(str::to_owned);
    let metadata = item.get("metadata")?;
    let namespace = match metadata.get("namespace") {
        None => None,
        Some(namespace) => Some(name(namespace)?),
    };
    if item.get("kind")?.as_str()? != kind {
        return None;
    }
    EntityRef::new(kind, namespace.as_deref(), &name(metadata.get("name")?)?)
}

/// The targets of the relations of this type that are groups; `None` if one cannot be read.
pub(super) fn live_targets(item: &Value, relation_type: &str) -> Option<Vec<String>> {
    let mut groups = Vec::new();
    for relation in item.get("relations")?.as_array()? {
        if relation.get("type").and_then(Value::as_str) == Some(relation_type) {
            let target = parse_live_ref(relation.get("targetRef")?.as_str()?)?;
            if target.kind() == "group" {
                groups.push(target.to_string());
            }
        }
    }
    Some(groups)
}

/// A text as a part of a query: every byte but the plain ones in hexadecimal (RFC 3986, section 2.1).
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(byte.into());
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
