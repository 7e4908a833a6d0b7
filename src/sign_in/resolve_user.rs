//! The way from a verified caller to a Backstage user.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::resolver::{DynOwnership, DynProfile, NamedResolver};
use super::services::{CustomCache, RequestServices};
use super::token_claims::copied;
use super::trace::Trace;
use super::{AccessResult, Profile, SignIn, SignInContext, SignInInfo, SignInPolicy};
use crate::backstage::EntityRef;
use crate::catalog::{CachedCatalog, Key, UserRecord};
use crate::cause::quoted;
use crate::error::{Fault, GateError, Refusal, Rejection};
use crate::futures::within;
use crate::ports::Ports;
use crate::scope::Scope;

/// How long the code of an app may take, in milliseconds. A refresh must answer within 8 s, of which
/// get-identity may take up to 5.
pub(crate) const APP_TIMEOUT_MS: u32 = 2_500;

/// What an app has in code beyond named resolvers.
#[derive(Clone, Default)]
pub struct SignInHooks {
    /// The resolver that takes the place of those in the configuration.
    pub(crate) sign_in: Option<NamedResolver>,
    pub(crate) profile: Option<Rc<dyn DynProfile>>,
    pub(crate) ownership: Option<Rc<dyn DynOwnership>>,
    /// Whether any code of the app decides who signs in or what they own.
    pub(crate) has_code: bool,
}

/// The user that a caller turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedUser {
    /// `sub`: a canonical entity ref.
    pub user: String,
    /// `ent`: ownership refs.
    pub ownership: Vec<String>,
    /// Additional claims of the token.
    pub claims: Map<String, Value>,
    /// The profile of the answer.
    pub profile: Profile,
    /// The catalog's record, unless the user is not in the catalog.
    pub record: Option<UserRecord>,
    /// The resolver that found the user.
    pub resolver: String,
    /// How long the result may be reused, in seconds, if the resolver says.
    pub max_age: Option<u32>,
}

impl ResolvedUser {
    /// Whether the catalog says something else about the user than the token.
    #[must_use]
    pub fn differs_from_catalog(&self) -> bool {
        let differs = |record: &UserRecord| record.ownership != self.ownership;
        !self.claims.is_empty() || self.record.as_ref().is_some_and(differs)
    }
}

/// What a sign-in works with.
pub struct SignInScope<'a, 'c, P> {
    /// The policy.
    pub policy: &'a SignInPolicy,
    /// What the app has in code.
    pub hooks: &'a SignInHooks,
    /// The catalog.
    pub catalog: &'a CachedCatalog<'c, P>,
    /// What resolvers cache.
    pub cache: &'a CustomCache,
    /// The scope of the request.
    pub scope: &'a Scope<'a, P>,
    /// What happened.
    pub trace: &'a Trace,
}

/// Resolves the user of a caller:
///
/// 1. `signIn.require`.
/// 2. The profile.
/// 3. The resolvers, in order. Only "not found" moves on to the next one; any other rejection is the
///    answer (`readDeclarativeSignInResolver` of `@backstage/plugin-auth-node`).
/// 4. Copied claims, and what the profile takes from the catalog.
///
/// Code of an app has a time limit.
///
/// # Errors
/// [`Refusal::UserNotFound`], [`Refusal::UserAmbiguous`], [`Refusal::DomainNotAllowed`],
/// [`Refusal::RequirementNotMet`], [`Refusal::Custom`]; the faults of the catalog,
/// [`Fault::IdentityUnavailable`], [`Fault::ResolverFailed`], [`Fault::ResolverTimeout`],
/// [`Fault::Custom`].
pub async fn resolve_user<P: Ports>(
    result: &AccessResult,
    sign_in: &SignInScope<'_, '_, P>,
) -> Result<ResolvedUser, GateError> {
    let SignInScope { policy, hooks, catalog, cache, scope, trace } = *sign_in;
    // (1)
    for requirement in &policy.require {
        requirement.check(result).map_err(|error| requirement.explain(error, &scope.cause))?;
    }
    let services = RequestServices { scope, catalog, cache };
    let ctx = SignInContext { services: &services, policy, hooks, trace, info: None };
    if !hooks.has_code {
        return steps(result, ctx).await.map_err(|rejection| rejection.0);
    }
    match within(steps(result, ctx), scope.ports.sleep(APP_TIMEOUT_MS)).await {
        Some(resolved) => resolved.map_err(|rejection| rejection.0),
        None => Err(Fault::ResolverTimeout("the code of the app".to_owned()).into()),
    }
}

/// The key in KV that the first resolver will probably read for a user with this email.
#[must_use]
pub fn expected_key(policy: &SignInPolicy, hooks: &SignInHooks, email: &str) -> Option<String> {
    let NamedResolver { resolver, .. } = resolvers(policy, hooks).first()?;
    let query = resolver.first_query(email)?;
    query.first.key().ok().map(Key::to_kv)
}

/// Steps 2 to 4 of [`resolve_user`].
async fn steps(result: &AccessResult, ctx: SignInContext<'_>) -> Result<ResolvedUser, Rejection> {
    // (2)
    let mut profile = match &ctx.hooks.profile {
        Some(transform) => transform.transform(result, &ctx).await?,
        None => Profile::of(result),
    };
    // (3)
    let (sign_in, resolver, claims) = {
        let info = SignInInfo::new(&profile, result);
        let ctx = SignInContext { info: Some(info), ..ctx };
        let (sign_in, resolver) = first_match(&info, &ctx).await?;
        (sign_in, resolver, copied(&ctx.policy.token_claims, &info))
    };
    if !sign_in.user.is_plain() {
        return Err(Rejection::internal("user_ref_invalid", "the ref is no valid entity ref"));
    }
    // (4)
    if let Some(record) = &sign_in.record {
        profile.complete(record, ctx.policy.profile);
    }
    let SignIn { user, ownership, claims: own, max_age, record } = sign_in;
    let claims = claims.into_iter().chain(own).collect();
    Ok(ResolvedUser {
        user: user.into_string(),
        ownership: ownership.into_iter().map(EntityRef::into_string).collect(),
        claims,
        profile,
        record,
        resolver,
        max_age,
    })
}

/// The resolver of the app's code, or those of the configuration.
fn resolvers<'a>(policy: &'a SignInPolicy, hooks: &'a SignInHooks) -> &'a [NamedResolver] {
    hooks.sign_in.as_ref().map_or(policy.resolvers.as_slice(), std::slice::from_ref)
}

/// The result of the first resolver that does not say "not found", and its name.
async fn first_match(
    info: &SignInInfo<'_>,
    ctx: &SignInContext<'_>,
) -> Result<(SignIn, String), Rejection> {
    let resolvers = resolvers(ctx.policy, ctx.hooks);
    for NamedResolver { name, resolver } in resolvers {
        match resolver.resolve(info, ctx).await {
            Err(rejection) if rejection.is_not_found() => {
                ctx.trace.tried(name, rejection.code());
            }
            Err(rejection) => {
                ctx.trace.tried(name, rejection.code());
                return Err(rejection);
            }
            Ok(sign_in) => return Ok((sign_in, name.clone())),
        }
    }
    let domain = info.email().ok().and_then(|email| email.rsplit_once('@'));
    let domain = domain.map_or_else(|| "none".to_owned(), |(_, domain)| quoted(domain));
    let why = format!("no resolver finds a user, {} tried; email domain {domain}", resolvers.len());
    Err(Rejection(ctx.services.explain(Refusal::UserNotFound, why)))
}
