//! A caller for a trial.

use serde_json::{Map, Value, json};

use crate::access::Subject;

/// A caller that Cloudflare Access has verified.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(super) claims: Map<String, Value>,
    /// get-identity's document; `None` if it does not answer.
    pub(super) document: Option<Map<String, Value>>,
    pub(super) subject: Subject,
}

impl Identity {
    /// A user with this email.
    #[must_use]
    pub fn user(email: &str) -> Self {
        let id = "00000000-0000-4000-8000-000000000000";
        let claims = members(json!({
            "type": "app",
            "email": email,
            "sub": id,
            "iss": "https://testing.cloudflareaccess.com",
            "aud": ["testing"],
        }));
        let document = members(json!({ "email": email, "groups": [] }));
        let subject = Subject::User { email: email.to_owned(), id: id.to_owned() };
        Self { claims, document: Some(document), subject }
    }

    /// A service token with this client id. The configuration of the trial must have it in
    /// `serviceTokens`.
    #[must_use]
    pub fn service_token(client_id: &str) -> Self {
        let claims = members(json!({
            "type": "app",
            "common_name": client_id,
            "sub": "",
            "iss": "https://testing.cloudflareaccess.com",
            "aud": ["testing"],
        }));
        let subject = Subject::ServiceToken { client_id: client_id.to_owned() };
        Self { claims, document: None, subject }
    }

    /// With this name.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.document("name", name)
    }

    /// In this group of the identity provider.
    #[must_use]
    pub fn group(mut self, name: &str) -> Self {
        let groups = self.document.get_or_insert_default().entry("groups");
        if let Value::Array(groups) = groups.or_insert_with(|| json!([])) {
            groups.push(name.into());
        }
        self
    }

    /// With this attribute of the identity provider, as a `custom` claim of the assertion.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        let custom = self.claims.entry("custom").or_insert_with(|| json!({}));
        if let Value::Object(custom) = custom {
            custom.insert(name.to_owned(), value.into());
        }
        self
    }

    /// With this claim in the assertion.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// With this member in get-identity's document.
    #[must_use]
    pub fn document(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.document.get_or_insert_default().insert(name.to_owned(), value.into());
        self
    }

    /// While get-identity does not answer.
    #[must_use]
    pub fn incomplete(self) -> Self {
        Self { document: None, ..self }
    }
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
