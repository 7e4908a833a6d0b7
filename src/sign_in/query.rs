//! The query of a catalog user: TypeScript's argument of `ctx.findCatalogUser`.

use std::borrow::Cow;

use serde_json::Value;

use crate::backstage::EntityRef;
use crate::catalog::import::ANNOTATIONS;
use crate::catalog::{Key, UserRecord, fold};
use crate::error::Rejection;

/// Which user to find. Values are compared without case, as Backstage's catalog does.
#[derive(Clone, Debug)]
pub struct UserQuery<'a> {
    pub(super) first: Criterion<'a>,
    pub(super) others: Vec<Criterion<'a>>,
}

/// One condition.
#[derive(Clone, Debug)]
pub(super) enum Criterion<'a> {
    Annotation(Cow<'a, str>, Cow<'a, str>),
    Email(Cow<'a, str>),
    Field(Cow<'a, str>, Cow<'a, str>),
    Ref(Option<EntityRef>),
}

impl<'a> UserQuery<'a> {
    /// By entity ref: `user:default/jane`, or `jane` for short. Kind and namespace default to `user`
    /// and `default` (`{ entityRef }` in TypeScript).
    #[must_use]
    pub fn entity_ref(text: &str) -> Self {
        Self::of(Criterion::Ref(EntityRef::parse(text, Some("user"))))
    }

    /// By namespace and name.
    #[must_use]
    pub fn name(namespace: &str, name: &str) -> Self {
        Self::of(Criterion::Ref(EntityRef::new("user", Some(namespace), name)))
    }

    /// By `spec.profile.email` (`{ filter: { 'spec.profile.email': … } }`).
    #[must_use]
    pub fn email(email: impl Into<Cow<'a, str>>) -> Self {
        Self::of(Criterion::Email(email.into()))
    }

    /// By the value of an annotation (`{ annotations: { … } }`). The annotation must be declared:
    /// `needs()` of the resolver, and `catalog.indexes` in the configuration.
    #[must_use]
    pub fn annotation(name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self::of(Criterion::Annotation(name.into(), value.into()))
    }

    /// By the value of a field (`{ filter: { 'metadata.labels.id': … } }`), or by one of the values of a
    /// list. The field must be declared: `needs()` of the resolver, and `catalog.indexes` in the
    /// configuration. `metadata.annotations.<name>` and `spec.profile.email` are the queries of that name.
    #[must_use]
    pub fn field(path: &'a str, value: impl Into<Cow<'a, str>>) -> Self {
        let value = value.into();
        match path.strip_prefix(ANNOTATIONS) {
            Some(name) => Self::of(Criterion::Annotation(name.into(), value)),
            None if path == "spec.profile.email" => Self::of(Criterion::Email(value)),
            None => Self::of(Criterion::Field(path.into(), value)),
        }
    }

    /// And by another query: the user must match both. The first one finds the record, so the order
    /// decides what is read, not what is found.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.others.push(other.first);
        self.others.extend(other.others);
        self
    }

    const fn of(first: Criterion<'a>) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl Criterion<'_> {
    /// The key in KV.
    ///
    /// # Errors
    /// Not found, if it can be no user's: an entity ref with an empty part.
    pub(super) fn key(&self) -> Result<Key<'_>, Rejection> {
        Ok(match self {
            Self::Annotation(name, value) => Key::Annotation(name, value),
            Self::Email(email) => Key::Email(email),
            Self::Field(path, value) => Key::Field(path, value),
            Self::Ref(entity_ref) => {
                Key::Ref(entity_ref.as_ref().ok_or_else(Rejection::not_found)?)
            }
        })
    }

    /// Whether a user matches.
    pub(super) fn matches(&self, user: &UserRecord) -> bool {
        match self {
            Self::Annotation(name, value) => {
                let theirs = user.annotations.get(name.as_ref()).and_then(Value::as_str);
                theirs.is_some_and(|theirs| fold(theirs) == fold(value))
            }
            Self::Email(email) => {
                user.email.as_deref().is_some_and(|theirs| fold(theirs) == fold(email))
            }
            Self::Field(path, value) => user.field(path).any(|theirs| fold(theirs) == fold(value)),
            Self::Ref(entity_ref) => {
                entity_ref.as_ref().is_some_and(|it| it.as_str() == user.entity_ref)
            }
        }
    }
}
