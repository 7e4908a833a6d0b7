//! The profile of the answer (`ProfileInfo` of `@backstage/plugin-auth-node`).

use serde::Serialize;

use super::AccessResult;
use crate::catalog::UserRecord;

/// The user's profile, for people to read.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Profile {
    /// The email, by which the built-in resolvers look the user up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The URL of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// Where the display name and the picture of the answer come from; `CFACCESS.profile`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ProfilePolicy {
    /// The catalog's display name comes before Access's. Otherwise it is used only where Access has
    /// none, as with `identity: "claims"`.
    pub display_name_from_catalog: bool,
    /// The catalog's picture is used. Access has none.
    pub picture_from_catalog: bool,
}

impl Profile {
    /// An empty profile.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The official provider's profile transform: `cfIdentity.email` and `cfIdentity.name`.
    #[must_use]
    pub fn of(result: &AccessResult) -> Self {
        Self::new().email(result.email()).display_name(result.name())
    }

    /// With this email.
    #[must_use]
    pub fn email<'a>(self, email: impl Into<Option<&'a str>>) -> Self {
        Self { email: email.into().map(str::to_owned), ..self }
    }

    /// With this name.
    #[must_use]
    pub fn display_name<'a>(self, name: impl Into<Option<&'a str>>) -> Self {
        Self { display_name: name.into().map(str::to_owned), ..self }
    }

    /// With this picture.
    #[must_use]
    pub fn picture<'a>(self, url: impl Into<Option<&'a str>>) -> Self {
        Self { picture: url.into().map(str::to_owned), ..self }
    }

    /// Takes from the catalog what the policy says, and the name where Access gave none.
    pub(super) fn complete(&mut self, record: &UserRecord, policy: ProfilePolicy) {
        let has_name = self.display_name.is_some();
        if record.display_name.is_some() && (policy.display_name_from_catalog || !has_name) {
            self.display_name.clone_from(&record.display_name);
        }
        if policy.picture_from_catalog && record.picture.is_some() {
            self.picture.clone_from(&record.picture);
        }
    }
}
