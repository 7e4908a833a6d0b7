//! What Access knows about a caller beyond the assertion: the document of get-identity, or one of
//! the same shape made from the claims.

use std::cell::OnceCell;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::json::read_document;

/// The members of get-identity's document in which an identity provider's attributes are found
/// (developers.cloudflare.com, "SAML attributes" and "OIDC claims").
const ATTRIBUTE_MEMBERS: [&str; 3] = ["custom", "oidc_fields", "saml_attributes"];

/// What Access knows about a caller.
#[derive(Clone, Debug)]
pub struct AccessIdentity {
    /// The document as it came, which the answer has as `providerInfo.cfIdentity`: a JSON object.
    pub document_json: String,
    /// The document, read when it is first asked for.
    document: OnceCell<Map<String, Value>>,
    /// The signed email, or the configured subject of a service token.
    pub email: String,
    /// The document's `name`.
    pub name: Option<String>,
    /// Where it comes from.
    pub source: IdentitySource,
    /// Until when it is used, in seconds since 1970.
    pub expires_at: i64,
}

/// Where an identity comes from; for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IdentitySource {
    /// From a cache.
    Cache,
    /// From the assertion's claims, as configured.
    Claims,
    /// From the claims, because get-identity did not answer.
    ClaimsFallback,
    /// From get-identity, for this request.
    GetIdentity,
    /// From the configuration of the service token.
    ServiceToken,
}

/// A group in get-identity's document.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AccessGroup<'a> {
    id: Option<&'a str>,
    name: Option<&'a str>,
    email: Option<&'a str>,
}

impl<'a> AccessGroup<'a> {
    /// The identity provider's id of the group.
    #[must_use]
    pub const fn id(&self) -> Option<&'a str> {
        self.id
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> Option<&'a str> {
        self.name
    }

    /// Its email.
    #[must_use]
    pub const fn email(&self) -> Option<&'a str> {
        self.email
    }
}

/// The document that the official provider makes for a service token, which we also make from the
/// claims (`CloudflareAccessIdentityProfile`).
#[derive(Serialize)]
struct Substitute<'a> {
    id: &'a str,
    name: &'a str,
    email: &'a str,
    groups: [&'a str; 0],
}

impl AccessIdentity {
    /// The identity of get-identity's document, for the user with this signed email. `None` if it is
    /// no JSON object or describes another user.
    pub(super) fn from_document(
        document_json: String,
        email: &str,
        source: IdentitySource,
        expires_at: i64,
    ) -> Option<Self> {
        let document = read_document(&document_json).ok()?;
        let text = |member: &str| document.get(member).and_then(Value::as_str);
        if let Some(theirs) = text("email")
            && theirs.to_lowercase() != email.to_lowercase()
        {
            return None;
        }
        let name = text("name").map(str::to_owned);
        let (document, email) = (OnceCell::from(document), email.to_owned());
        Some(Self { document_json, document, email, name, source, expires_at })
    }

    /// The identity of a caller without a document.
    pub(super) fn substitute(
        id: &str,
        name: Option<&str>,
        email: &str,
        source: IdentitySource,
        expires_at: i64,
    ) -> Option<Self> {
        let substitute = Substitute { id, name: name.unwrap_or(email), email, groups: [] };
        let document_json = serde_json::to_string(&substitute).ok()?;
        let (name, email) = (name.map(str::to_owned), email.to_owned());
        Some(Self { document_json, document: OnceCell::new(), email, name, source, expires_at })
    }

    /// The same identity, as it is found in a cache.
    pub(super) fn into_cached(self) -> Self {
        Self { source: IdentitySource::Cache, ..self }
    }

    /// The document.
    pub fn document(&self) -> &Map<String, Value> {
        self.document.get_or_init(|| read_document(&self.document_json).unwrap_or_default())
    }

    /// The groups: strings or objects, depending on the identity provider. Other members of the list
    /// are passed over.
    pub fn groups(&self) -> impl Iterator<Item = AccessGroup<'_>> {
        let groups = self.document().get("groups").and_then(Value::as_array);
        groups.into_iter().flatten().filter_map(|group| match group {
            Value::String(name) => Some(AccessGroup { name: Some(name), ..AccessGroup::default() }),
            Value::Object(members) => {
                let text = |name: &str| members.get(name).and_then(Value::as_str);
                Some(AccessGroup { id: text("id"), name: text("name"), email: text("email") })
            }
            _ => None,
        })
    }

    /// An attribute from the identity provider: the `custom` claim of the assertion first, then the
    /// document. Access leaves `custom` claims out of the assertions of users with many groups.
    ///
    /// The value must be a string that is not empty, or a list of exactly one.
    #[must_use]
    pub fn attribute<'a>(&'a self, claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
        let of = |members: &'a Map<String, Value>, member: &str| {
            text_of(members.get(member)?.as_object()?.get(name)?)
        };
        of(claims, "custom")
            .or_else(|| ATTRIBUTE_MEMBERS.iter().find_map(|member| of(self.document(), member)))
    }

    /// Whether get-identity's document is there, as far as the configuration asks for it. Without it
    /// there are no groups.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.source != IdentitySource::ClaimsFallback
    }

    /// About how many bytes it takes to keep.
    #[must_use]
    pub fn size(&self) -> usize {
        // The document is kept as text and as values.
        3 * self.document_json.len()
    }
}

fn text_of(value: &Value) -> Option<&str> {
    let value = match value {
        Value::Array(values) => match values.as_slice() {
            [one] => one,
            _ => return None,
        },
        one => one,
    };
    value.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{AccessIdentity, IdentitySource};

    fn identity(document: &Value) -> AccessIdentity {
        let source = IdentitySource::GetIdentity;
        AccessIdentity::from_document(document.to_string(), "jane@example.com", source, 1).unwrap()
    }

    #[test]
    fn attribute_is_read_from_the_claims_before_the_document() {
        let claims = json!({ "custom": { "id": "7", "none": "" } });
        let claims = claims.as_object().unwrap();
        let identity = identity(&json!({
            "custom": { "id": "8", "team": "a" },
            "oidc_fields": { "none": "9", "number": 1 },
            "saml_attributes": { "one": ["x"], "two": ["x", "y"] },
        }));
        let value = |name| identity.attribute(claims, name);
        assert_eq!(value("id"), Some("7"));
        assert_eq!(value("team"), Some("a"));
        assert_eq!(value("none"), Some("9"));
        assert_eq!(value("one"), Some("x"));
        for name in ["two", "number", "absent", ""] {
            assert_eq!(value(name), None, "{name}");
        }
    }

    #[test]
    fn groups_are_read_in_both_shapes_and_other_members_are_passed_over() {
        let identity = identity(&json!({
            "groups": ["a", { "id": "1", "name": "b", "email": "b@example.com" }, {}, 7, null],
        }));
        let groups: Vec<_> = identity.groups().map(|it| (it.id, it.name, it.email)).collect();
        assert_eq!(
            groups,
            [
                (None, Some("a"), None),
                (Some("1"), Some("b"), Some("b@example.com")),
                (None, None, None),
            ]
        );
        assert_eq!(self::identity(&json!({ "groups": "a" })).groups().count(), 0);
    }
}
