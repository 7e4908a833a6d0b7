//! `userMatching`: what most resolvers written by hand do, as configuration. A value of the caller,
//! transformed, finds a user by name, email, annotation or another field.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::transform::Transform;
use super::super::value::{CallerValue, SYNTAX};
use super::super::{SignIn, SignInContext, SignInInfo, SignInResolver, SignInResult, UserQuery};
use super::BuiltIn;
use crate::backstage::EntityRef;
use crate::catalog::import::ANNOTATIONS;
use crate::catalog::{fold, is_annotation_name, is_field_path};
use crate::error::{Fault, Rejection};
use crate::reader::Reader;

struct UserMatching {
    value: CallerValue,
    transforms: Vec<Transform>,
    by: By,
    namespace: Namespace,
    /// Whether the next resolver is tried if the email's domain is not in `namespace` or
    /// `allowedDomains`.
    next_on_domain_mismatch: bool,
    /// Domains of which the email must be; folded. `None`: any.
    allowed_domains: Option<Vec<String>>,
    without_user: bool,
}

/// What the value is compared with.
enum By {
    Email,
    /// An annotation or another field, by its path.
    Field(String),
    Name,
}

/// The namespace of the user, with `by: "name"`.
enum Namespace {
    Fixed(String),
    /// By the folded domain of the email.
    OfDomain(BTreeMap<String, String>),
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<BuiltIn> {
    let value = read_value(reader);
    let transforms = read_transforms(reader);
    let by = read_by(reader);
    let namespace = read_namespace(reader);
    let next = reader.one_of("onDomainMismatch", &[("refuse", false), ("next", true)]);
    let allowed = reader.value("allowedDomains").map(|_| reader.strings("allowedDomains"));
    if allowed.as_ref().is_some_and(Vec::is_empty) {
        let message = "must not be empty: an empty list would block every user";
        reader.problem("allowedDomains", message);
    }
    let without_user = reader.boolean("dangerouslyAllowSignInWithoutUserInCatalog");
    let (by, namespace) = (by?, namespace?);
    if without_user && !matches!(by, By::Name) {
        reader.problem(
            "dangerouslyAllowSignInWithoutUserInCatalog",
            "needs `by: \"name\"`: the value becomes the name of the user",
        );
    }
    let found_by = match &by {
        By::Field(path) => Some(path.clone()),
        By::Email | By::Name => None,
    };
    let resolver = Rc::new(UserMatching {
        value: value?,
        transforms: transforms?,
        by,
        namespace,
        next_on_domain_mismatch: next?,
        allowed_domains: allowed.map(|domains| domains.iter().map(|it| fold(it)).collect()),
        without_user,
    });
    Some(BuiltIn { resolver, found_by, allows_without_user: without_user })
}

fn read_value(reader: &mut Reader<'_>) -> Option<CallerValue> {
    let text =
        reader.required_string("value", "what of the caller is compared, such as `email`")?;
    let value = CallerValue::parse(&text);
    if value.is_none() {
        reader.problem("value", format!("must be {SYNTAX}, not `{text}`"));
    }
    value
}

fn read_transforms(reader: &mut Reader<'_>) -> Option<Vec<Transform>> {
    let mut transforms = Vec::new();
    for text in reader.strings("transform") {
        let known = Transform::NAMES.iter().find(|(name, _)| *name == text);
        let Some((_, transform)) = known else {
            let names = Transform::NAMES.map(|(name, _)| format!("`{name}`")).join(", ");
            reader.problem("transform", format!("must hold only {names}, not `{text}`"));
            return None;
        };
        transforms.push(*transform);
    }
    Some(transforms)
}

fn read_by(reader: &mut Reader<'_>) -> Option<By> {
    let text = reader.required_string(
        "by",
        "what of the catalog's users is compared: `name`, `email`, `annotation:<name>` or \
         `field:<path>`",
    )?;
    let by = match text.split_once(':') {
        Some(("annotation", name)) if is_annotation_name(name) => {
            By::Field(format!("{ANNOTATIONS}{name}"))
        }
        Some(("field", path)) if is_field_path(path) => By::Field(path.to_owned()),
        None if text == "email" => By::Email,
        None if text == "name" => By::Name,
        _ => {
            let message = format!(
                "must be `name`, `email`, `annotation:<name>` or `field:<path>`, not `{text}`"
            );
            reader.problem("by", message);
            return None;
        }
    };
    Some(by)
}

fn read_namespace(reader: &mut Reader<'_>) -> Option<Namespace> {
    let is_domains = reader.value("namespace").is_some_and(serde_json::Value::is_object);
    if !is_domains {
        let name = reader.string("namespace").unwrap_or_else(|| "default".to_owned());
        return Some(Namespace::Fixed(name));
    }
    let mut namespaces = BTreeMap::new();
    let members = reader.value("namespace").and_then(serde_json::Value::as_object);
    for (domain, namespace) in members.into_iter().flatten() {
        let Some(namespace) = namespace.as_str().filter(|text| !text.is_empty()) else {
            reader.problem(&format!("namespace.{domain}"), "must be the name of a namespace");
            return None;
        };
        namespaces.insert(fold(domain), namespace.to_owned());
    }
    if namespaces.is_empty() {
        reader.problem("namespace", "must not be empty: an empty map would block every user");
    }
    Some(Namespace::OfDomain(namespaces))
}

impl UserMatching {
    /// The namespace for the email's domain.
    fn namespace(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> Result<&str, Rejection> {
        let domain = domain_of(info.profile.email.as_deref().unwrap_or_default());
        self.namespace_of(&domain).ok_or_else(|| self.domain_mismatch(&domain, ctx))
    }

    /// The namespace for a domain; `None` if it is not allowed or has none.
    fn namespace_of(&self, domain: &str) -> Option<&str> {
        if self
            .allowed_domains
            .as_ref()
            .is_some_and(|allowed| allowed.iter().all(|it| it != domain))
        {
            return None;
        }
        match &self.namespace {
            Namespace::Fixed(namespace) => Some(namespace),
            Namespace::OfDomain(namespaces) => namespaces.get(domain).map(String::as_str),
        }
    }

    fn domain_mismatch(&self, domain: &str, ctx: &SignInContext<'_>) -> Rejection {
        if self.next_on_domain_mismatch {
            return Rejection::not_found();
        }
        ctx.domain_not_allowed(domain)
    }

    /// The transformed value.
    fn value(&self, info: &SignInInfo<'_>) -> Result<String, Rejection> {
        let Some(value) = self.value.of(info) else {
            // With get-identity's document the attribute might be there.
            let may_be_there =
                matches!(self.value, CallerValue::Attribute(_)) && !info.result.is_complete();
            return Err(if may_be_there {
                Rejection(Fault::IdentityUnavailable.into())
            } else {
                Rejection::not_found()
            });
        };
        self.transformed(value).ok_or_else(Rejection::not_found)
    }

    fn transformed(&self, value: &str) -> Option<String> {
        self.transforms
            .iter()
            .try_fold(value.to_owned(), |value, transform| transform.apply(&value))
    }

    fn query<'a>(&'a self, namespace: &str, value: String) -> UserQuery<'a> {
        match &self.by {
            By::Email => UserQuery::email(value),
            By::Field(path) => UserQuery::field(path, value),
            By::Name => UserQuery::name(namespace, &value),
        }
    }
}

fn domain_of(email: &str) -> String {
    email.rsplit_once('@').map(|(_, domain)| fold(domain)).unwrap_or_default()
}

impl SignInResolver for UserMatching {
    async fn resolve(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
        let namespace = self.namespace(info, ctx)?;
        let value = self.value(info)?;
        match ctx.sign_in_with_catalog_user(self.query(namespace, value.clone())).await {
            Err(rejection) if rejection.is_not_found() && self.without_user => {
                let user = EntityRef::new("user", Some(namespace), &value);
                let user = user.filter(EntityRef::is_plain);
                user.map(SignIn::as_user).ok_or_else(Rejection::not_found)
            }
            other => other,
        }
    }

    fn first_query<'a>(&'a self, email: &'a str) -> Option<UserQuery<'a>> {
        if self.value != CallerValue::Email {
            return None;
        }
        let namespace = self.namespace_of(&domain_of(email))?;
        Some(self.query(namespace, self.transformed(email)?))
    }
}
