//! A caller that Access would let in: their assertion, and what get-identity says of them.

use serde_json::{Map, Value, json};

use crate::access::{Assertion, Subject};

/// How long the assertion of a trial lives, in seconds.
const LIFE: i64 = 24 * 3600;

/// The id of a user without a known one.
const NO_ID: &str = "00000000-0000-4000-8000-000000000000";

/// A caller.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Caller {
    subject: Subject,
    /// The attributes from the identity provider, which Access puts into the assertion.
    attributes: Map<String, Value>,
    /// get-identity's document; `None` for a service token.
    document: Option<Map<String, Value>>,
}

impl Caller {
    /// A user with this email. `document` is what get-identity answers for them: an `email` in it must be
    /// this one.
    pub(in crate::cli) fn user(
        email: &str,
        id: Option<&str>,
        document: Map<String, Value>,
    ) -> Self {
        let known = document.get("user_uuid").and_then(Value::as_str);
        let id = id.or(known).unwrap_or(NO_ID).to_owned();
        let mut document = document;
        document.entry("email").or_insert_with(|| email.into());
        let subject = Subject::User { email: email.to_owned(), id };
        Self { subject, attributes: Map::new(), document: Some(document) }
    }

    /// A service token with this client id.
    pub(in crate::cli) fn service_token(client_id: &str) -> Self {
        let subject = Subject::ServiceToken { client_id: client_id.to_owned() };
        Self { subject, attributes: Map::new(), document: None }
    }

    /// In this group of the identity provider.
    #[must_use]
    pub(in crate::cli) fn group(mut self, name: &str) -> Self {
        if let Some(document) = &mut self.document {
            let groups = document.entry("groups").or_insert_with(|| json!([]));
            if let Value::Array(groups) = groups {
                groups.push(name.into());
            }
        }
        self
    }

    /// With this attribute. One that is given twice has two values.
    #[must_use]
    pub(in crate::cli) fn attribute(mut self, name: &str, value: &str) -> Self {
        match self.attributes.get_mut(name) {
            None => {
                self.attributes.insert(name.to_owned(), value.into());
            }
            Some(Value::Array(values)) => values.push(value.into()),
            Some(one) => *one = json!([one.take(), value]),
        }
        self
    }

    /// Who it is, in words.
    pub(in crate::cli) fn name(&self) -> String {
        match &self.subject {
            Subject::User { email, .. } => format!("user {email}"),
            Subject::ServiceToken { client_id } => format!("service token {client_id}"),
        }
    }

    /// The names of the groups, or their ids or emails.
    pub(in crate::cli) fn groups(&self) -> Vec<String> {
        let groups = self.document.as_ref().and_then(|it| it.get("groups")?.as_array());
        let text = |group: &Value| match group {
            Value::String(name) => Some(name.clone()),
            group => ["name", "id", "email"]
                .iter()
                .find_map(|member| group.get(member)?.as_str().map(str::to_owned)),
        };
        groups.into_iter().flatten().filter_map(text).collect()
    }

    /// The attributes that were given one by one.
    pub(in crate::cli) const fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// Whether it is a user.
    pub(in crate::cli) const fn is_user(&self) -> bool {
        matches!(self.subject, Subject::User { .. })
    }

    /// Whether get-identity knows more of them than the email.
    pub(in crate::cli) fn has_document(&self) -> bool {
        self.document.as_ref().is_some_and(|it| it.len() > 1)
    }

    pub(super) fn document(&self) -> Option<String> {
        self.document.clone().map(|it| Value::Object(it).to_string())
    }

    pub(super) fn assertion(&self, now: i64) -> Assertion {
        let claims = match &self.subject {
            Subject::User { email, id } => json!({ "type": "app", "email": email, "sub": id }),
            Subject::ServiceToken { client_id } => {
                json!({ "type": "app", "common_name": client_id, "sub": "" })
            }
        };
        let mut claims = match claims {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        if !self.attributes.is_empty() {
            claims.insert("custom".to_owned(), Value::Object(self.attributes.clone()));
        }
        // Caches know a caller by the token.
        let token = Value::Object(claims.clone()).to_string();
        Assertion::on_trial(&token, claims, self.subject.clone(), now + LIFE)
    }
}
