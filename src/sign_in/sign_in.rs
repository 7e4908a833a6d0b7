//! What a resolver returns for a caller who signs in.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::backstage::{EntityRef, is_reserved_claim};
use crate::catalog::UserRecord;
use crate::error::Rejection;

/// The result of a resolver.
pub type SignInResult = Result<SignIn, Rejection>;

/// A caller who signs in: their user, what they own, and additional claims of the token. It is data:
/// the Worker makes and signs the token.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SignIn {
    pub(super) user: EntityRef,
    pub(super) ownership: Vec<EntityRef>,
    pub(super) claims: Map<String, Value>,
    pub(super) max_age: Option<u32>,
    pub(super) record: Option<UserRecord>,
}

impl SignIn {
    /// Signs in as this user without the catalog, owning only the user's own ref (`issueToken` in
    /// TypeScript).
    ///
    /// This is dangerous: whoever controls the value from which you make the ref can become any
    /// user. Prefer `sign_in_with_catalog_user`.
    #[must_use]
    pub fn as_user(user: EntityRef) -> Self {
        let ownership = vec![user.clone()];
        Self { user, ownership, claims: Map::new(), max_age: None, record: None }
    }

    /// With exactly these ownership refs, each once, in this order.
    #[must_use]
    pub fn owning(mut self, refs: impl IntoIterator<Item = EntityRef>) -> Self {
        let mut seen = HashSet::new();
        self.ownership = refs.into_iter().filter(|it| seen.insert(it.clone())).collect();
        self
    }

    /// With one more claim in the token. Userinfo answers it too.
    ///
    /// # Errors
    /// 500 `claim_reserved` for `iss`, `sub`, `ent`, `aud`, `iat`, `exp`, `nbf` and `uip`.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Result<Self, Rejection> {
        if is_reserved_claim(name) {
            let detail = format!("the Worker sets the claim `{name}` itself");
            return Err(Rejection::internal("claim_reserved", detail));
        }
        self.claims.insert(name.to_owned(), value.into());
        Ok(self)
    }

    /// How long this result may be reused for the same assertion, in seconds: at the most, and by
    /// default, a tenth of the token's life. 0 asks the resolver on every refresh.
    #[must_use]
    pub const fn max_age(mut self, seconds: u32) -> Self {
        self.max_age = Some(seconds);
        self
    }
}
