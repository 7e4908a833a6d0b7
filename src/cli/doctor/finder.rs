//! What a resolver of the configuration can find in a catalog, whoever the caller is.

use serde_json::Value;

use crate::catalog::import::ANNOTATIONS;
use crate::catalog::{UserRecord, fold};

/// A built-in resolver, by its options, which the Worker has accepted.
pub(super) struct Finder {
    pub(super) name: String,
    by: By,
    /// Whether the caller's whole email is compared.
    is_by_email: bool,
    /// Lists of domains, folded: the caller's email is of one of each.
    domains: Vec<Vec<String>>,
    /// Whether it signs in users who are not in the catalog.
    pub(super) needs_no_user: bool,
}

/// What of a user is compared.
enum By {
    Email,
    /// An annotation or another field, by its path.
    Field(String),
    /// The name, in one of these namespaces.
    Name(Vec<String>),
}

impl Finder {
    /// Reads a resolver; `None` if it is code of a Worker of one's own. `required` are the domains of
    /// `signIn.require`.
    pub(super) fn of(resolver: &Value, required: &[Vec<String>]) -> Option<Self> {
        let text = |key: &str| resolver.get(key).and_then(Value::as_str).map(str::trim);
        let name = text("resolver")?;
        let annotation = || Some(By::Field(format!("{ANNOTATIONS}{}", text("annotation")?)));
        let (by, is_by_email) = match name {
            "emailMatchingUserEntityProfileEmail" => (By::Email, true),
            "emailLocalPartMatchingUserEntityName" => (By::Name(vec!["default".to_owned()]), false),
            "emailMatchingUserEntityAnnotation" => (annotation()?, true),
            "claimMatchingUserEntityAnnotation" => (annotation()?, false),
            "userMatching" => (by(resolver, text("by")?)?, is_whole_email(resolver)),
            _ => return None,
        };
        let own = [texts(resolver.get("allowedDomains")), namespaces(resolver).0];
        let own = own.into_iter().filter(|domains| !domains.is_empty());
        let domains = own.chain(required.iter().cloned()).collect();
        let without = resolver.get("dangerouslyAllowSignInWithoutUserInCatalog");
        Some(Self {
            name: name.to_owned(),
            by,
            is_by_email,
            domains,
            needs_no_user: without == Some(&Value::Bool(true)),
        })
    }

    /// The annotation or the field that users are found by, by its path.
    pub(super) fn path(&self) -> Option<&str> {
        match &self.by {
            By::Field(path) => Some(path),
            By::Email | By::Name(_) => None,
        }
    }

    /// Whether some caller is found as this user.
    pub(super) fn finds(&self, user: &UserRecord) -> bool {
        match &self.by {
            By::Email => user.email.iter().any(|email| self.takes(email)),
            By::Field(path) => values(user, path).any(|value| self.takes(value)),
            By::Name(namespaces) => {
                let (namespace, name) = split(user);
                namespaces.contains(&namespace) && self.takes_name(name)
            }
        }
    }

    /// Whether there is no domain that every list has.
    pub(super) fn allows_none(&self) -> bool {
        let first = self.domains.first();
        first.is_some_and(|first| {
            !first.iter().any(|domain| self.domains.iter().all(|it| it.contains(domain)))
        })
    }

    /// Whether the email of this caller is of an allowed domain. Rules do not apply to service tokens.
    pub(super) fn allows(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map(|(_, domain)| fold(domain)).unwrap_or_default();
        self.domains.iter().all(|domains| domains.contains(&domain))
    }

    /// Why it finds none of these users, and what to do.
    pub(super) fn why(&self, users: &[&UserRecord]) -> (String, String) {
        let domains = self.domains.concat().join(", ");
        match &self.by {
            By::Email if users.iter().all(|user| user.email.is_none()) => (
                "no user has a `spec.profile.email`".to_owned(),
                "add the emails to the catalog, or find users by name or by an annotation"
                    .to_owned(),
            ),
            By::Email => (
                format!("no user has an email of {domains}"),
                "correct the domains of the resolver and of signIn.require, or the emails"
                    .to_owned(),
            ),
            By::Field(path) => {
                let what = path.strip_prefix(ANNOTATIONS);
                let what =
                    what.map_or_else(|| format!("field {path}"), |it| format!("annotation {it}"));
                if users.iter().all(|user| values(user, path).next().is_none()) {
                    let remedy = "correct its name, or add it to the users".to_owned();
                    (format!("no user has the {what}"), remedy)
                } else if domains.is_empty() {
                    let remedy = "name an annotation that holds the email".to_owned();
                    (format!("no value of the {what} is an email"), remedy)
                } else {
                    let remedy = "correct the domains, or the values".to_owned();
                    (format!("no value of the {what} is an email of {domains}"), remedy)
                }
            }
            By::Name(namespaces) => {
                if users.iter().all(|user| !namespaces.contains(&split(user).0)) {
                    let remedy = "set `namespace` of `userMatching` to the namespace of the users"
                        .to_owned();
                    (format!("no user is in the namespace {}", namespaces.join(" or ")), remedy)
                } else {
                    let remedy = "write `transform = [\"localPart\"]`".to_owned();
                    ("no name of a user is a whole email".to_owned(), remedy)
                }
            }
        }
    }

    fn takes(&self, value: &str) -> bool {
        !self.is_by_email || (value.contains('@') && self.allows(value))
    }

    fn takes_name(&self, name: &str) -> bool {
        !self.is_by_email || name.contains('@')
    }
}

/// `by` of `userMatching`.
fn by(resolver: &Value, by: &str) -> Option<By> {
    match by.split_once(':') {
        Some(("annotation", name)) => Some(By::Field(format!("{ANNOTATIONS}{name}"))),
        Some(("field", path)) => Some(By::Field(path.to_owned())),
        Some(_) => None,
        None if by == "email" => Some(By::Email),
        None => Some(By::Name(namespaces(resolver).1)),
    }
}

/// The domains and the namespaces of `namespace`, which is one or a map.
fn namespaces(resolver: &Value) -> (Vec<String>, Vec<String>) {
    match resolver.get("namespace") {
        Some(Value::Object(of_domains)) => {
            let namespaces = of_domains.values().filter_map(Value::as_str).map(fold);
            (of_domains.keys().map(|domain| fold(domain)).collect(), namespaces.collect())
        }
        Some(Value::String(namespace)) => (Vec::new(), vec![fold(namespace.trim())]),
        _ => (Vec::new(), vec!["default".to_owned()]),
    }
}

/// Whether `userMatching` compares the email as it is, or nearly.
fn is_whole_email(resolver: &Value) -> bool {
    let transforms = texts(resolver.get("transform"));
    resolver.get("value").and_then(Value::as_str).map(str::trim) == Some("email")
        && transforms.iter().all(|it| matches!(it.as_str(), "withoutplus" | "lowercase"))
}

/// The domains that the rules of `signIn.require` allow, each a list.
pub(super) fn required_domains(cfaccess: &Value) -> Vec<Vec<String>> {
    let rules = cfaccess.pointer("/signIn/require").and_then(Value::as_array);
    let domains = rules.into_iter().flatten().map(|rule| texts(rule.get("emailDomain")));
    domains.filter(|domains| !domains.is_empty()).collect()
}

/// A text or a list of texts, folded.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    let texts = match value {
        Some(Value::Array(texts)) => texts.iter().collect(),
        Some(text) => vec![text],
        None => Vec::new(),
    };
    texts.into_iter().filter_map(Value::as_str).map(|text| fold(text.trim())).collect()
}

/// The values that a user is found by: an annotation's, or a field's.
fn values<'a>(user: &'a UserRecord, path: &str) -> impl Iterator<Item = &'a str> {
    let annotation = path.strip_prefix(ANNOTATIONS).and_then(|name| user.annotations.get(name));
    annotation.and_then(Value::as_str).into_iter().chain(user.field(path))
}

/// The namespace and the name of a user.
fn split(user: &UserRecord) -> (String, &str) {
    let rest = user.entity_ref.strip_prefix("user:").unwrap_or(&user.entity_ref);
    let (namespace, name) = rest.split_once('/').unwrap_or(("", rest));
    (namespace.to_owned(), name)
}
