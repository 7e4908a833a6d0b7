//! From a caller to a Backstage user. Here `access` and `catalog` meet.

mod profile;
mod resolver;

pub use profile::Profile;
pub use resolver::{Claim, Resolver, Rule, SignedIn, sign_in};
