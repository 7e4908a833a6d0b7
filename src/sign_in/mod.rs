//! From a verified caller to a Backstage user. Here `access`, `catalog` and `backstage` meet.

mod access_result;
mod built_in;
mod catalog_user;
mod context;
mod fetch;
mod needs;
mod ownership;
mod pattern;
mod policy;
mod profile;
mod query;
mod registry;
mod require;
mod resolve_user;
mod resolver;
mod services;
#[expect(clippy::module_inception, reason = "what a sign-in comes to")]
mod sign_in;
mod token_claims;
mod trace;
mod transform;
mod value;

pub use access_result::{AccessResult, AssertionToken, Idp, SignInInfo};
pub use catalog_user::CatalogUser;
pub use context::SignInContext;
pub use fetch::{Fetch, Fetched};
pub use needs::Needs;
pub use ownership::OwnershipPolicy;
pub use policy::{OnUserNotFound, SignInPolicy};
pub use profile::{Profile, ProfilePolicy};
pub use query::UserQuery;
pub(crate) use registry::Configured;
pub use registry::Registry;
pub use require::Requirement;
pub(crate) use resolve_user::APP_TIMEOUT_MS;
pub use resolve_user::{ResolvedUser, SignInHooks, SignInScope, expected_key, resolve_user};
pub use resolver::{NamedResolver, OwnershipResolver, ProfileTransform, SignInResolver};
pub use services::CustomCache;
pub use sign_in::{SignIn, SignInResult};
pub use token_claims::CopiedClaim;
pub use trace::Trace;
pub use transform::slug;
