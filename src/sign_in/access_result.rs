//! The verified caller, as a resolver sees it: TypeScript's `info.result`.

use std::fmt;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::Profile;
use crate::access::{AccessGroup, AccessIdentity, Assertion, Subject};
use crate::error::Rejection;

/// What Cloudflare Access says about the caller (`CloudflareAccessResult` of
/// `@backstage/plugin-auth-backend-module-cloudflare-access-provider`). It exists only for a verified
/// assertion, and in `testing`.
#[derive(Clone, Debug)]
pub struct AccessResult {
    assertion: Rc<Assertion>,
    identity: Rc<AccessIdentity>,
}

/// The identity provider through which the user logged in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Idp<'a> {
    /// Access's id of the identity provider.
    pub id: &'a str,
    /// Its type, such as `azureAD`, `okta` or `onetimepin`.
    pub kind: &'a str,
}

/// An assertion as text. It is a credential, so it has no `Debug` and must be revealed explicitly.
#[derive(Clone, Copy)]
pub struct AssertionToken<'a>(&'a str);

impl AssertionToken<'_> {
    /// The compact JWS. Never log it or return it.
    #[must_use]
    pub const fn reveal(&self) -> &str {
        self.0
    }
}

impl fmt::Debug for AssertionToken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AssertionToken(…)")
    }
}

impl AccessResult {
    pub(crate) const fn new(assertion: Rc<Assertion>, identity: Rc<AccessIdentity>) -> Self {
        Self { assertion, identity }
    }

    /// The signed email of a user, or the configured `subject` of a service token.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.identity.email
    }

    /// The name in get-identity's document; `Bot` for a service token.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.identity.name.as_deref()
    }

    /// The claims of the assertion.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        self.assertion.claims()
    }

    /// get-identity's document, or its substitute: TypeScript's `cfIdentity`.
    #[must_use]
    pub fn cf_identity(&self) -> &Map<String, Value> {
        self.identity.document()
    }

    /// The user's groups at the identity provider. None without get-identity's document.
    pub fn groups(&self) -> impl Iterator<Item = AccessGroup<'_>> {
        self.identity.groups()
    }

    /// An attribute from the identity provider: from the assertion's `custom` claim, else from
    /// get-identity's document, because Access leaves `custom` claims out of the assertions of users
    /// with many groups.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.identity.attribute(self.assertion.claims(), name)
    }

    /// The client id, if the caller is a service token.
    #[must_use]
    pub fn service_token(&self) -> Option<&str> {
        match self.assertion.subject() {
            Subject::ServiceToken { client_id } => Some(client_id),
            Subject::User { .. } => None,
        }
    }

    /// The identity provider of the login, if get-identity names it.
    #[must_use]
    pub fn idp(&self) -> Option<Idp<'_>> {
        let idp = self.identity.document().get("idp")?;
        let text = |name| idp.get(name).and_then(Value::as_str);
        Some(Idp { id: text("id")?, kind: text("type")? })
    }

    /// Whether the document of get-identity is there, as far as the configuration asks for it. If it
    /// is not, get-identity did not answer, and there are no groups and not all attributes.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.identity.is_complete()
    }

    /// The assertion itself.
    #[must_use]
    pub fn assertion(&self) -> AssertionToken<'_> {
        AssertionToken(self.assertion.token())
    }

    pub(crate) fn verified(&self) -> &Assertion {
        &self.assertion
    }

    pub(crate) fn identity(&self) -> &AccessIdentity {
        &self.identity
    }
}

/// The result of the sign-in attempt so far: TypeScript's `info`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SignInInfo<'a> {
    /// The profile, after the profile transform.
    pub profile: &'a Profile,
    /// What Cloudflare Access says about the caller.
    pub result: &'a AccessResult,
}

impl<'a> SignInInfo<'a> {
    pub(crate) const fn new(profile: &'a Profile, result: &'a AccessResult) -> Self {
        Self { profile, result }
    }

    /// The email of the profile.
    ///
    /// # Errors
    /// 500 `profile_without_email`, as the official documentation's resolver throws it. Only a
    /// profile transform of your own can leave the email out.
    pub fn email(&self) -> Result<&'a str, Rejection> {
        self.profile.email.as_deref().ok_or_else(|| {
            let detail = "Login failed, user profile does not contain an email";
            Rejection::internal("profile_without_email", detail)
        })
    }
}
