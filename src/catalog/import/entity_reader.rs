//! An entity's JSON form, member by member.

use serde_json::{Map, Value};

use super::entity::{Entity, Group, Kind, Membership, User};
use super::fields::fields;
use super::hierarchy::CHILD_OF;
use super::policy::ImportPolicy;
use super::schema;
use super::validators::{
    is_dns_label, is_kind, is_live_name, is_name, name_of, parse_live_ref, parse_ref,
};
use crate::backstage::EntityRef;
use crate::problem::Problem;

/// The longest annotation, in bytes: what Kubernetes, whose format it is, allows for all of an
/// object's together.
pub(super) const MAX_ANNOTATION: usize = 256 * 1024;

/// The relation of a user to a group (`RELATION_MEMBER_OF`).
pub(super) const MEMBER_OF: &str = "memberOf";

/// A reader of one entity. What is wrong becomes a problem, and the reading goes on.
pub(super) struct Reader<'a> {
    entity: &'a Value,
    policy: &'a ImportPolicy,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The entity, or every problem there is.
    pub(super) fn entity(mut self) -> Result<Entity, Vec<Problem>> {
        let entity = self.read();
        if self.at("relations").is_none() {
            let known: Vec<String> = self.problems.iter().map(|it| it.path.clone()).collect();
            let more = schema::problems(self.entity).into_iter();
            self.problems.extend(more.filter(|it| !known.contains(&it.path)));
        }
        match entity {
            Some(entity) if self.problems.is_empty() => Ok(entity),
            _ => Err(self.problems),
        }
    }

    fn read(&mut self) -> Option<Entity> {
        for path in ["metadata", "metadata.annotations", "spec", "spec.profile"] {
            if self.at(path).is_some_and(|value| !value.is_object()) {
                self.problem(path, "must be an object");
            }
        }
        let kind = self.required("kind");
        let name = self.required("metadata.name");
        let namespace = self.text("metadata.namespace");
        if self.at("relations").is_some() {
            self.check_live(name.as_deref(), namespace.as_deref());
        } else {
            self.check_form(kind.as_deref(), name.as_deref(), namespace.as_deref());
        }
        let annotations = self.annotations();
        let (kind, name) = (kind?, name?);
        let entity_ref = EntityRef::new(&kind, namespace.as_deref(), &name)?;
        let namespace = namespace.unwrap_or_else(|| "default".to_owned());
        let kind = match kind.as_str() {
            "Group" => Kind::Group(self.group(&entity_ref, &namespace)?),
            "Location" => Kind::Location,
            "User" => Kind::User(self.user(&namespace, annotations)?),
            _ => Kind::Other,
        };
        Some(Entity { entity_ref, kind })
    }

    fn check_live(&mut self, name: Option<&str>, namespace: Option<&str>) {
        for (path, text) in [("metadata.name", name), ("metadata.namespace", namespace)] {
            if let Some(text) = text.filter(|text| !is_live_name(text)) {
                let message =
                    format!("must not contain `/`, `:`, spaces or control characters: `{text}`");
                self.problem(path, message);
            }
        }
    }

    fn check_form(&mut self, kind: Option<&str>, name: Option<&str>, namespace: Option<&str>) {
        if let Some(kind) = kind {
            if !is_kind(kind) {
                self.problem("kind", format!("must be up to 63 letters and digits, not `{kind}`"));
            } else if let Some(known) =
                ["Group", "User"].iter().find(|it| it.eq_ignore_ascii_case(kind) && **it != kind)
            {
                self.problem("kind", format!("must be written `{known}`, not `{kind}`"));
            }
        }
        if let Some(name) = name.filter(|name| !is_name(name)) {
            self.problem(
                "metadata.name",
                format!(
                    "must be up to 63 of the characters a-z A-Z 0-9 - _ . with a letter or digit \
                     at both ends, not `{name}`"
                ),
            );
        }
        if let Some(namespace) = namespace.filter(|namespace| !is_dns_label(namespace)) {
            self.problem(
                "metadata.namespace",
                format!("must be up to 63 of the characters a-z 0-9 -, not `{namespace}`"),
            );
        }
    }

    fn group(&mut self, own: &EntityRef, namespace: &str) -> Option<Group> {
        let members = self.refs("spec.members", "User", namespace);
        let children = self.refs("spec.children", "Group", namespace);
        let parent = self.text("spec.parent");
        let is_given = parent.is_some();
        let parent = parent.and_then(|text| parse_ref(&text, "Group", namespace));
        if is_given && parent.is_none() {
            let message = "must be an entity ref such as `dept` or `Group:default/dept`";
            self.problem("spec.parent", message);
        }
        for (path, refs) in [("spec.members", &members), ("spec.children", &children)] {
            if let Some(at) = refs.iter().flatten().position(|it| it == own) {
                self.problem(&format!("{path}[{at}]"), "is the group itself");
            }
        }
        if parent.as_ref() == Some(own) {
            self.problem("spec.parent", "is the group itself");
        }
        let (members, children) = (members?, children?);
        Some(match self.relations(CHILD_OF) {
            Some(parents) => Group { members, children: Vec::new(), parents },
            None => Group { members, children, parents: parent.into_iter().collect() },
        })
    }

    fn user(&mut self, namespace: &str, annotations: Map<String, Value>) -> Option<User> {
        let email = self.text("spec.profile.email");
        let is_blank = |c: char| c.is_whitespace() || c.is_control();
        if let Some(email) = email.as_deref().filter(|email| email.contains(is_blank)) {
            self.problem(
                "spec.profile.email",
                format!("must not contain spaces or control characters: {email:?}"),
            );
        }
        let display_name = self.text("spec.profile.displayName");
        let picture = self.text("spec.profile.picture");
        let membership = if let Some(relations) = self.relations(MEMBER_OF) {
            Membership::Relations(relations)
        } else {
            let given = self.at("spec.memberOf").is_some();
            let groups = self.refs("spec.memberOf", "Group", namespace)?;
            Membership::Spec(given.then_some(groups))
        };
        let fields = fields(self.entity, self.policy, |path, message| self.problem(path, message));
        Some(User { email, display_name, picture, membership, annotations, fields })
    }

    /// Those of the annotations that are asked for; an empty one finds no user. None may be so long
    /// that it is no annotation.
    fn annotations(&mut self) -> Map<String, Value> {
        let mut found = Map::new();
        let annotations = self.at("metadata.annotations").and_then(Value::as_object);
        for (name, value) in annotations.into_iter().flatten() {
            let path = format!("metadata.annotations.{name}");
            let is_wanted = self.policy.annotations.contains(name);
            match value {
                Value::String(text) if text.len() > MAX_ANNOTATION => {
                    let message = format!("has {} bytes; {MAX_ANNOTATION} are allowed", text.len());
                    self.problem(&path, message);
                }
                Value::String(text) if is_wanted && !text.is_empty() => {
                    found.insert(name.clone(), value.clone());
                }
                Value::String(_) => {}
                other if is_wanted => {
                    self.problem(&path, format!("must be a string; it is {}", name_of(other)));
                }
                _ => {}
            }
        }
        found
    }

    /// The targets of the relations of this type that are groups; `None` if there are no relations at
    /// all.
    fn relations(&mut self, relation_type: &str) -> Option<Vec<EntityRef>> {
        let Value::Array(relations) = self.at("relations")? else {
            self.problem("relations", "must be a list");
            return Some(Vec::new());
        };
        let mut groups = Vec::new();
        for (index, relation) in relations.iter().enumerate() {
            if relation.get("type").and_then(Value::as_str) != Some(relation_type) {
                continue;
            }
            let target = relation.get("targetRef").and_then(Value::as_str);
            match target.and_then(parse_live_ref) {
                Some(target) if target.kind() == "group" => groups.push(target),
                Some(_) => {}
                None => self.problem(
                    &format!("relations[{index}].targetRef"),
                    "must be a whole entity ref such as `group:default/team-a`",
                ),
            }
        }
        Some(groups)
    }

    /// The refs of a list; empty if it is absent, `None` after a problem.
    fn refs(&mut self, path: &str, kind: &str, namespace: &str) -> Option<Vec<EntityRef>> {
        let items = match self.at(path) {
            None => return Some(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.problem(path, format!("must be a list, not {}", name_of(other)));
                return None;
            }
        };
        let mut refs = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.as_str().and_then(|text| parse_ref(text, kind, namespace)) {
                Some(entity_ref) => refs.push(entity_ref),
                None => self.problem(
                    &format!("{path}[{index}]"),
                    format!("must be an entity ref such as `jane` or `{kind}:default/jane`"),
                ),
            }
        }
        Some(refs)
    }

    fn required(&mut self, path: &str) -> Option<String> {
        let parent = path.rsplit_once('.').and_then(|(parent, _)| self.at(parent));
        if self.at(path).is_none() && parent.is_none_or(Value::is_object) {
            self.problem(path, "is missing");
        }
        self.text(path)
    }

    fn text(&mut self, path: &str) -> Option<String> {
        match self.at(path)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            other => {
                let message = format!("must be a string, and not empty; it is {}", name_of(other));
                self.problem(path, message);
                None
            }
        }
    }
}

impl<'a> Reader<'a> {
    /// A reader of this JSON object, and of those of its annotations and fields that the policy names.
    pub(super) fn new(entity: &'a Value, policy: &'a ImportPolicy) -> Self {
        Self { entity, policy, problems: Vec::new() }
    }

    fn at(&self, path: &str) -> Option<&'a Value> {
        path.split('.').try_fold(self.entity, |value, key| value.get(key))
    }

    fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }
}
