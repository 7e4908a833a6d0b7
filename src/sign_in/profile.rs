//! The profile of the answer (`ProfileInfo` of `@backstage/plugin-auth-node`).

use serde::Serialize;

use crate::access::AccessIdentity;
use crate::catalog::UserRecord;

/// Who signs in, for people to read.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Profile {
    /// The email.
    pub email: String,
    /// The name.
    #[serde(rename = "displayName", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The URL of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

impl Profile {
    /// The official provider's profile transform: `cfIdentity.email` and `cfIdentity.name`.
    #[must_use]
    pub fn of(identity: &AccessIdentity) -> Self {
        Self { email: identity.email.clone(), display_name: identity.name.clone(), picture: None }
    }

    /// Takes the name from the catalog where Access gave none, as with `identity: "claims"`.
    pub fn complete_from(&mut self, record: Option<&UserRecord>) {
        if let Some(record) = record
            && self.display_name.is_none()
        {
            self.display_name.clone_from(&record.display_name);
        }
    }
}
