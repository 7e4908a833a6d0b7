//! The traits that the author of a resolver implements, and how they are stored.
//!
//! The public traits have plain `async fn`, so that an author needs no macro and no `Send`, which a
//! `JsFuture` is not. They are not dyn-compatible, so a private trait erases each of them.

use std::pin::Pin;
use std::rc::Rc;

use super::{
    AccessResult, CatalogUser, Needs, Profile, SignInContext, SignInInfo, SignInResult, UserQuery,
};
use crate::backstage::EntityRef;
use crate::error::Rejection;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A sign-in resolver: finds the Backstage user of a verified caller, or rejects the sign-in
/// (`SignInResolver` of `@backstage/plugin-auth-node`).
///
/// Every async closure of this shape is one:
///
/// ```
/// use backstage_cfaccess::{CfAccess, UserQuery};
///
/// let app = CfAccess::new().sign_in(async |info, ctx| {
///     let email = info.email()?;
///     ctx.sign_in_with_catalog_user(UserQuery::email(email)).await
/// });
/// ```
///
/// A type with options implements it, and is registered with
/// [`CfAccess::resolver_with`](crate::CfAccess::resolver_with).
#[expect(async_fn_in_trait, reason = "an isolate has one thread, so no future needs to be Send")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sign-in resolver",
    label = "expected `async |info, ctx| -> SignInResult`, or a type that implements `SignInResolver`"
)]
pub trait SignInResolver: 'static {
    /// Resolves the user.
    ///
    /// # Errors
    /// A [`Rejection`]. After `Rejection::not_found()`, and only then, the next resolver is tried.
    async fn resolve(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult;

    /// The annotations and fields that the resolver finds users by or reads.
    fn needs(&self) -> Needs {
        Needs::new()
    }

    /// The query that `resolve` most likely makes first for a user with this signed email. If the
    /// resolver is the first one, the catalog is read for it while get-identity is asked. It changes
    /// how long a sign-in takes, and never who signs in. By default none.
    fn first_query<'a>(&'a self, _email: &'a str) -> Option<UserQuery<'a>> {
        None
    }
}

impl<F> SignInResolver for F
where
    F: AsyncFn(&SignInInfo<'_>, &SignInContext<'_>) -> SignInResult + 'static,
{
    async fn resolve(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
        self(info, ctx).await
    }
}

/// Makes the profile of a caller, before the resolver (`ProfileTransform`).
#[expect(async_fn_in_trait, reason = "an isolate has one thread, so no future needs to be Send")]
pub trait ProfileTransform: 'static {
    /// Makes the profile.
    ///
    /// # Errors
    /// A [`Rejection`] ends the sign-in.
    async fn transform(
        &self,
        result: &AccessResult,
        ctx: &SignInContext<'_>,
    ) -> Result<Profile, Rejection>;
}

impl<F> ProfileTransform for F
where
    F: AsyncFn(&AccessResult, &SignInContext<'_>) -> Result<Profile, Rejection> + 'static,
{
    async fn transform(
        &self,
        result: &AccessResult,
        ctx: &SignInContext<'_>,
    ) -> Result<Profile, Rejection> {
        self(result, ctx).await
    }
}

/// Decides what a user of the catalog owns (`AuthOwnershipResolver`). Unlike there, it also sees the
/// caller.
#[expect(async_fn_in_trait, reason = "an isolate has one thread, so no future needs to be Send")]
pub trait OwnershipResolver: 'static {
    /// The ownership refs.
    ///
    /// # Errors
    /// A [`Rejection`] ends the sign-in.
    async fn resolve(
        &self,
        user: &CatalogUser,
        info: &SignInInfo<'_>,
        ctx: &SignInContext<'_>,
    ) -> Result<Vec<EntityRef>, Rejection>;
}

impl<F> OwnershipResolver for F
where
    F: AsyncFn(
            &CatalogUser,
            &SignInInfo<'_>,
            &SignInContext<'_>,
        ) -> Result<Vec<EntityRef>, Rejection>
        + 'static,
{
    async fn resolve(
        &self,
        user: &CatalogUser,
        info: &SignInInfo<'_>,
        ctx: &SignInContext<'_>,
    ) -> Result<Vec<EntityRef>, Rejection> {
        self(user, info, ctx).await
    }
}

/// [`SignInResolver`], erased.
pub(crate) trait DynResolver {
    fn resolve<'a>(
        &'a self,
        info: &'a SignInInfo<'a>,
        ctx: &'a SignInContext<'a>,
    ) -> Boxed<'a, SignInResult>;

    fn needs(&self) -> Needs;

    fn first_query<'a>(&'a self, email: &'a str) -> Option<UserQuery<'a>>;
}

impl<R: SignInResolver> DynResolver for R {
    fn resolve<'a>(
        &'a self,
        info: &'a SignInInfo<'a>,
        ctx: &'a SignInContext<'a>,
    ) -> Boxed<'a, SignInResult> {
        Box::pin(SignInResolver::resolve(self, info, ctx))
    }

    fn needs(&self) -> Needs {
        SignInResolver::needs(self)
    }

    fn first_query<'a>(&'a self, email: &'a str) -> Option<UserQuery<'a>> {
        SignInResolver::first_query(self, email)
    }
}

/// [`ProfileTransform`], erased.
pub(crate) trait DynProfile {
    fn transform<'a>(
        &'a self,
        result: &'a AccessResult,
        ctx: &'a SignInContext<'a>,
    ) -> Boxed<'a, Result<Profile, Rejection>>;
}

impl<T: ProfileTransform> DynProfile for T {
    fn transform<'a>(
        &'a self,
        result: &'a AccessResult,
        ctx: &'a SignInContext<'a>,
    ) -> Boxed<'a, Result<Profile, Rejection>> {
        Box::pin(ProfileTransform::transform(self, result, ctx))
    }
}

/// [`OwnershipResolver`], erased.
pub(crate) trait DynOwnership {
    fn resolve<'a>(
        &'a self,
        user: &'a CatalogUser,
        info: &'a SignInInfo<'a>,
        ctx: &'a SignInContext<'a>,
    ) -> Boxed<'a, Result<Vec<EntityRef>, Rejection>>;
}

impl<T: OwnershipResolver> DynOwnership for T {
    fn resolve<'a>(
        &'a self,
        user: &'a CatalogUser,
        info: &'a SignInInfo<'a>,
        ctx: &'a SignInContext<'a>,
    ) -> Boxed<'a, Result<Vec<EntityRef>, Rejection>> {
        Box::pin(OwnershipResolver::resolve(self, user, info, ctx))
    }
}

/// A resolver of the configuration or of the app, with its name.
#[derive(Clone)]
pub struct NamedResolver {
    /// The name, for the log.
    pub name: String,
    pub(crate) resolver: Rc<dyn DynResolver>,
}

impl std::fmt::Debug for NamedResolver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("NamedResolver").field(&self.name).finish()
    }
}
