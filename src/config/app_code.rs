//! What the configuration must know of the code of an app.

use crate::sign_in::{Needs, Registry};

/// Which parts of the sign-in an app has in code. By default none, as the stock Worker.
#[derive(Clone, Debug, Default)]
pub struct AppCode {
    /// The resolvers that the configuration may name.
    pub registry: Registry,
    /// It has a resolver that takes the place of `signIn.resolvers`.
    pub has_sign_in: bool,
    /// It is not known whether it has one.
    pub may_have_sign_in: bool,
    /// It has an ownership resolver.
    pub has_ownership: bool,
    /// What its closures need of the catalog.
    pub needs: Needs,
    /// What is wrong with how the app was built.
    pub problems: Vec<String>,
}

impl AppCode {
    /// An app that this program does not know: it may have any named resolver.
    #[must_use]
    pub fn unknown() -> Self {
        Self { registry: Registry::accepting_unknown(), ..Self::default() }
    }

    /// The app of a Worker that is not the stock one: `signIn.resolvers` may be absent, because it may
    /// have a resolver that takes its place.
    #[must_use]
    pub fn unknown_own() -> Self {
        Self { may_have_sign_in: true, ..Self::unknown() }
    }
}
