//! The few parts of a catalog entity that sign-in needs, read from its JSON form: what
//! `/api/catalog/entities` answers, or a catalog file before Backstage has processed it.
//!
//! The rules are those of `@backstage/catalog-model` 1.10 (`FieldFormatEntityPolicy`, the schemas of
//! `User` and `Group`) and of `BuiltinKindsEntityProcessor` in `@backstage/plugin-catalog-backend`
//! 4.0. What they do not concern is not looked at.

use serde_json::Value;

use super::EntityRef;
use crate::config::Problem;

/// The longest name, namespace or kind, in characters (`KubernetesValidatorFunctions`).
const MAX_PART: usize = 63;

/// The relation of a user to a group (`RELATION_MEMBER_OF`).
const MEMBER_OF: &str = "memberOf";

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
    /// A group, with the refs of its `spec.members`.
    Group(Vec<EntityRef>),
    /// `spec.targets` of a `Location` are further files, which only Backstage follows.
    Location,
    /// Anything else.
    Other,
    /// A person.
    User(User),
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

impl Entity {
    /// Reads an entity.
    ///
    /// The form of names is checked only where Backstage has not done so: a running catalog may have
    /// rules of its own (`setFieldFormatValidators`), and its entities carry `relations`.
    ///
    /// # Errors
    /// Every problem there is, each at a path such as `spec.profile.email`.
    pub fn read(value: &Value) -> Result<Self, Vec<Problem>> {
        if !value.is_object() || (value.get("kind").is_none() && value.get("metadata").is_none()) {
            let message = "is not a catalog entity: an object with `kind` and `metadata`";
            return Err(vec![Problem::new("this", message)]);
        }
        let mut reader = Reader { entity: value, problems: Vec::new() };
        let entity = reader.entity();
        match entity {
            Some(entity) if reader.problems.is_empty() => Ok(entity),
            _ => Err(reader.problems),
        }
    }
}

struct Reader<'a> {
    entity: &'a Value,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn entity(&mut self) -> Option<Entity> {
        for path in ["metadata", "spec", "spec.profile"] {
            if self.at(path).is_some_and(|value| !value.is_object()) {
                self.problem(path, "must be an object");
            }
        }
        let kind = self.required("kind");
        let name = self.required("metadata.name");
        let namespace = self.text("metadata.namespace");
        if self.at("relations").is_none() {
            self.check_form(kind.as_deref(), name.as_deref(), namespace.as_deref());
        }
        let (kind, name) = (kind?, name?);
        let entity_ref = EntityRef::new(&kind, namespace.as_deref(), &name)?;
        let namespace = namespace.unwrap_or_else(|| "default".to_owned());
        let kind = match kind.as_str() {
            "Group" => Kind::Group(self.refs("spec.members", "User", &namespace)?),
            "Location" => Kind::Location,
            "User" => Kind::User(self.user(&namespace)?),
            _ => Kind::Other,
        };
        Some(Entity { entity_ref, kind })
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

    fn user(&mut self, namespace: &str) -> Option<User> {
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
        let membership = if let Some(relations) = self.relations() {
            Membership::Relations(relations)
        } else {
            let given = self.at("spec.memberOf").is_some();
            let groups = self.refs("spec.memberOf", "Group", namespace)?;
            Membership::Spec(given.then_some(groups))
        };
        Some(User { email, display_name, picture, membership })
    }

    /// The targets of the `memberOf` relations that are groups; `None` if there are no relations
    /// at all.
    fn relations(&mut self) -> Option<Vec<EntityRef>> {
        let Value::Array(relations) = self.at("relations")? else {
            self.problem("relations", "must be a list");
            return Some(Vec::new());
        };
        let mut groups = Vec::new();
        for (index, relation) in relations.iter().enumerate() {
            if relation.get("type").and_then(Value::as_str) != Some(MEMBER_OF) {
                continue;
            }
            let target = relation.get("targetRef").and_then(Value::as_str);
            match target.and_then(|target| EntityRef::parse(target, None)) {
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
    fn at(&self, path: &str) -> Option<&'a Value> {
        path.split('.').try_fold(self.entity, |value, key| value.get(key))
    }

    fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }
}

/// Reads a ref of a list in `spec`: what it leaves out are the given kind and the namespace of the
/// entity that it stands in (`parseEntityRef` with the context of `BuiltinKindsEntityProcessor`).
fn parse_ref(text: &str, kind: &str, namespace: &str) -> Option<EntityRef> {
    if text.contains('/') {
        return EntityRef::parse(text, Some(kind));
    }
    let (kind, name) = text.split_once(':').unwrap_or((kind, text));
    EntityRef::new(kind, Some(namespace), name)
}

/// `isValidKind`.
fn is_kind(text: &str) -> bool {
    text.len() <= MAX_PART
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `isValidObjectName`.
fn is_name(text: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.len() <= MAX_PART
        && text.starts_with(is_alphanumeric)
        && text.ends_with(is_alphanumeric)
        && text.chars().all(|c| is_alphanumeric(c) || matches!(c, '-' | '_' | '.'))
}

/// `isValidDnsLabel`.
fn is_dns_label(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= MAX_PART
        && text.starts_with(is_plain)
        && text.ends_with(is_plain)
        && text.chars().all(|c| is_plain(c) || c == '-')
}

/// What a value is, in a reader's words.
fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::Bool(_) => "a boolean (put it in quotes)",
        Value::Null => "null",
        Value::Number(_) => "a number (put it in quotes)",
        Value::Object(_) => "an object",
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "a string",
    }
}
