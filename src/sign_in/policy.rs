//! The sign-in policy, which `config/` builds from `CFACCESS`.

use super::Resolver;

/// The sign-in policy: how callers become Backstage users.
#[derive(Clone, Debug)]
pub struct SignInPolicy {
    /// The provider's id, a path segment of its routes.
    pub provider_id: String,
    /// Tried in this order; never empty.
    pub resolvers: Vec<Resolver>,
    /// Whether the answer holds the raw assertion.
    pub expose_assertion: bool,
    /// What happens to a user whom the catalog does not know.
    pub on_user_not_found: OnUserNotFound,
    /// How old what we know of the catalog may be, in seconds: at a location's copy of KV, and once
    /// more in an isolate.
    pub catalog_max_age: u32,
}

/// What happens to a user whom the catalog does not know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnUserNotFound {
    /// The origin's own provider answers.
    Origin,
    /// 404.
    Refuse,
}

impl SignInPolicy {
    /// The annotations that users are found by, each once.
    #[must_use]
    pub fn annotations(&self) -> Vec<String> {
        annotations_of(&self.resolvers)
    }
}

/// The annotations that these resolvers find users by, each once.
#[must_use]
pub fn annotations_of(resolvers: &[Resolver]) -> Vec<String> {
    let mut names: Vec<String> =
        resolvers.iter().filter_map(Resolver::annotation).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}
