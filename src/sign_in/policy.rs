//! The sign-in policy, which `config/` builds from `CFACCESS`.

use super::ownership::OwnershipPolicy;
use super::profile::ProfilePolicy;
use super::require::Requirement;
use super::resolver::NamedResolver;
use super::token_claims::CopiedClaim;
use crate::catalog::import::ImportPolicy;

/// The sign-in policy: how callers become Backstage users.
#[derive(Clone, Debug)]
pub struct SignInPolicy {
    /// The provider's id, a path segment of its routes.
    pub provider_id: String,
    /// What must hold for every user, before a resolver is asked.
    pub require: Vec<Requirement>,
    /// Tried in this order. Empty only if the app has, or may have, a resolver in code.
    pub resolvers: Vec<NamedResolver>,
    /// What users own beyond the catalog, and of it.
    pub ownership: OwnershipPolicy,
    /// The claims that are copied into the Backstage token.
    pub token_claims: Vec<CopiedClaim>,
    /// Where the display name and the picture come from.
    pub profile: ProfilePolicy,
    /// Whether the answer holds the raw assertion.
    pub expose_assertion: bool,
    /// What happens to a user who is not in the catalog.
    pub on_user_not_found: OnUserNotFound,
    /// How old a cached catalog record may be, in seconds: in KV's cache at a location, and once more
    /// in an isolate.
    pub catalog_max_age: u32,
    /// What the records have. The annotations are those of the built-in resolvers and of
    /// `catalog.indexes`, each once.
    pub import: ImportPolicy,
    /// Whether a user who is not in the catalog may sign in, by a built-in resolver or by code.
    pub allows_users_outside_catalog: bool,
}

/// What happens to a user who is not in the catalog.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnUserNotFound {
    /// The request is forwarded to the origin's own provider.
    Origin,
    /// 404.
    Refuse,
}

impl SignInPolicy {
    /// The annotations that the records have.
    #[must_use]
    pub fn annotations(&self) -> &[String] {
        &self.import.annotations
    }
}
