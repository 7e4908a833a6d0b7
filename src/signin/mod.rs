//! From a caller to a Backstage user. Here `access` and `catalog` meet.

mod profile;
mod resolver;

pub use profile::Profile;
pub use resolver::{Resolver, SignedIn, sign_in};
