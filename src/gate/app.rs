//! The builder of an app: the code that a Worker has beyond its configuration.

use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::before_forward::{Caller, DynBeforeForward, Edits};
use crate::backstage::EntityRef;
use crate::config::AppCode;
use crate::error::Rejection;
use crate::sign_in::{
    AccessResult, CatalogUser, NamedResolver, Needs, OwnershipResolver, Profile, ProfileTransform,
    SignInContext, SignInHooks, SignInInfo, SignInResolver, SignInResult,
};

/// Changes `providerInfo` of the answer.
type ProviderInfoHook = Rc<dyn Fn(&mut Map<String, Value>)>;

/// An app: the sign-in policy that you have in code. `CfAccess::new()` is the stock Worker.
///
/// It is plain data, made once per isolate, and holds no I/O object. Mistakes in how it is built, such
/// as two resolvers with one name, are reported with those of the configuration: every request then
/// gets 503 `misconfigured`.
///
/// ```
/// use backstage_cfaccess::{CfAccess, UserQuery};
///
/// fn app() -> CfAccess {
///     CfAccess::new().sign_in(async |info, ctx| {
///         let email = info.email()?;
///         ctx.sign_in_with_catalog_user(UserQuery::email(email)).await
///     })
/// }
/// # app();
/// ```
#[derive(Clone, Default)]
pub struct CfAccess {
    pub(super) code: AppCode,
    pub(super) sign_in: SignInHooks,
    pub(super) provider_info: Option<ProviderInfoHook>,
    pub(super) before_forward: Option<Rc<dyn DynBeforeForward>>,
}

impl std::fmt::Debug for CfAccess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CfAccess").field("code", &self.code).finish_non_exhaustive()
    }
}

impl CfAccess {
    /// An app without code: the configuration decides everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Signs callers in with this closure, instead of with `signIn.resolvers` of the configuration,
    /// which must then be absent (`signInResolver` of `createProxyAuthProviderFactory`).
    #[must_use]
    pub fn sign_in(
        self,
        resolver: impl AsyncFn(&SignInInfo<'_>, &SignInContext<'_>) -> SignInResult + 'static,
    ) -> Self {
        self.sign_in_with(resolver)
    }

    /// The same with a type that implements [`SignInResolver`].
    #[must_use]
    pub fn sign_in_with(mut self, resolver: impl SignInResolver) -> Self {
        let needs = SignInResolver::needs(&resolver);
        self.once("sign_in", self.code.has_sign_in);
        self.code.has_sign_in = true;
        self.sign_in.has_code = true;
        let resolver = Rc::new(resolver);
        self.sign_in.sign_in = Some(NamedResolver { name: "app".to_owned(), resolver });
        self.needs(needs)
    }

    /// Adds a resolver that the configuration can name: `{ resolver = "acme/employee" }`. The name
    /// must contain a `/`, so that it never clashes with a built-in one.
    #[must_use]
    pub fn resolver(mut self, name: &'static str, resolver: impl SignInResolver) -> Self {
        self.sign_in.has_code = true;
        self.code.registry.add(name, Rc::new(resolver));
        self
    }

    /// Adds a resolver that the configuration can name and give options. `make` gets the options: the
    /// members of the entry other than `resolver`.
    ///
    /// ```
    /// use backstage_cfaccess::{CfAccess, SignInContext, SignInInfo, SignInResolver, SignInResult};
    /// use backstage_cfaccess::{Rejection, UserQuery};
    ///
    /// #[derive(serde::Deserialize)]
    /// #[serde(deny_unknown_fields)]
    /// struct Options {
    ///     suffix: String,
    /// }
    ///
    /// struct WithSuffix(Options);
    ///
    /// impl SignInResolver for WithSuffix {
    ///     async fn resolve(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
    ///         let name = info.email()?.split('@').next().ok_or_else(Rejection::not_found)?;
    ///         let name = format!("{name}{}", self.0.suffix);
    ///         ctx.sign_in_with_catalog_user(UserQuery::name("default", &name)).await
    ///     }
    /// }
    ///
    /// CfAccess::new().resolver_with("acme/suffix", |options: Options| Ok(WithSuffix(options)));
    /// ```
    #[must_use]
    pub fn resolver_with<O: DeserializeOwned + 'static, R: SignInResolver>(
        mut self,
        name: &'static str,
        make: impl Fn(O) -> Result<R, String> + 'static,
    ) -> Self {
        self.sign_in.has_code = true;
        self.code.registry.add_with(name, make);
        self
    }

    /// Makes the profile with this closure, before the resolver (`profileTransform`).
    #[must_use]
    pub fn profile(
        self,
        transform: impl AsyncFn(&AccessResult, &SignInContext<'_>) -> Result<Profile, Rejection>
        + 'static,
    ) -> Self {
        self.profile_with(transform)
    }

    /// The same with a type that implements [`ProfileTransform`].
    #[must_use]
    pub fn profile_with(mut self, transform: impl ProfileTransform) -> Self {
        self.once("profile", self.sign_in.profile.is_some());
        self.sign_in.has_code = true;
        self.sign_in.profile = Some(Rc::new(transform));
        self
    }

    /// Decides with this closure what a user of the catalog owns
    /// (`authOwnershipResolutionExtensionPoint`). `ownership` of the configuration must then be
    /// absent.
    #[must_use]
    pub fn ownership(
        self,
        resolver: impl AsyncFn(
            &CatalogUser,
            &SignInInfo<'_>,
            &SignInContext<'_>,
        ) -> Result<Vec<EntityRef>, Rejection>
        + 'static,
    ) -> Self {
        self.ownership_with(resolver)
    }

    /// The same with a type that implements [`OwnershipResolver`].
    #[must_use]
    pub fn ownership_with(mut self, resolver: impl OwnershipResolver) -> Self {
        self.once("ownership", self.code.has_ownership);
        self.code.has_ownership = true;
        self.sign_in.has_code = true;
        self.sign_in.ownership = Some(Rc::new(resolver));
        self
    }

    /// Changes `providerInfo` of the answer, for example to keep claims from the browser.
    #[must_use]
    pub fn provider_info(mut self, change: impl Fn(&mut Map<String, Value>) + 'static) -> Self {
        self.once("provider_info", self.provider_info.is_some());
        self.provider_info = Some(Rc::new(change));
        self
    }

    /// Runs this closure before a verified request is forwarded. It can set headers for the origin,
    /// or reject the request.
    #[must_use]
    pub fn before_forward(
        mut self,
        hook: impl AsyncFn(&Caller, &mut Edits<'_>) -> Result<(), Rejection> + 'static,
    ) -> Self {
        self.once("before_forward", self.before_forward.is_some());
        self.before_forward = Some(Rc::new(hook));
        self
    }

    /// Declares what the closures of the app need of the catalog. Types say it themselves.
    #[must_use]
    pub fn needs(mut self, needs: Needs) -> Self {
        self.code.needs = self.code.needs.and(needs);
        self
    }

    /// What the configuration must know of the app.
    pub(crate) const fn code(&self) -> &AppCode {
        &self.code
    }

    fn once(&mut self, what: &str, is_there: bool) {
        if is_there {
            self.code.problems.push(format!("calls `{what}` twice"));
        }
    }
}
