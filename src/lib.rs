//! Backstage sign-in behind Cloudflare Access, answered at the edge.
//!
//! ```text
//! worker     a JavaScript request
//!  │ gate       its route, and where its assertion is
//!  │ access     bytes → a verified assertion, or a refusal
//!  ├─────────── a forwarded request leaves here
//!  │ sign_in    the user, from the catalog
//!  │ backstage  the token and the answer
//! worker     a JavaScript response
//! ```
//!
//! `gate` knows the whole path; every other module depends only on modules above it in the list
//! below. Everything but `worker` and `cli` is pure: no clock, no I/O, no JavaScript type. The time
//! and the [`ports`] are arguments.

// `#[doc(hidden)]` modules are not part of the public API: they are exempt from semver. They are `pub`
// because the tests, `fuzz/`, `bench/` and the program `cfaccess` use them from outside the library.

#[doc(hidden)]
pub mod error;

#[doc(hidden)]
pub mod background;
#[doc(hidden)]
pub mod cache;
mod futures;
#[doc(hidden)]
pub mod json;
#[doc(hidden)]
pub mod jwk;
#[doc(hidden)]
pub mod ports;
#[doc(hidden)]
pub mod problem;
mod reader;
#[doc(hidden)]
pub mod scope;

#[doc(hidden)]
pub mod access;
#[doc(hidden)]
pub mod backstage;
#[doc(hidden)]
pub mod catalog;
#[doc(hidden)]
pub mod sign_in;

#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod gate;

pub use access::AccessGroup;
pub use backstage::EntityRef;
pub use error::Rejection;
pub use gate::{Caller, CfAccess, Edits, SignedIn};
pub use problem::Problem;
pub use sign_in::{
    AccessResult, AssertionToken, CatalogUser, Fetch, Fetched, Idp, Needs, OwnershipResolver,
    Profile, ProfileTransform, SignIn, SignInContext, SignInInfo, SignInResolver, SignInResult,
    UserQuery, slug,
};

#[cfg(feature = "testing")]
pub mod testing;

// `cargo test` compiles and runs the code blocks of this document.
#[cfg(all(doctest, feature = "testing", feature = "worker"))]
#[doc = include_str!("../docs/custom-resolvers.md")]
struct CustomResolvers;

#[cfg(feature = "worker")]
pub mod worker;

#[cfg(feature = "entry")]
mod entry;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
