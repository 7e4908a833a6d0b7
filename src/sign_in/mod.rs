//! From a verified caller to a Backstage user. Here `access`, `catalog` and `backstage` meet.

mod policy;
mod profile;
mod resolver;

pub use policy::{OnUserNotFound, SignInPolicy, annotations_of};
pub use profile::Profile;
pub use resolver::{Claim, ResolvedUser, Resolver, Rule, resolve_user};
