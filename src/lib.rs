//! Backstage sign-in behind Cloudflare Access, answered at the edge.
//!
//! A Worker on the route of a Backstage that Cloudflare Access protects. It verifies the Access
//! assertion of every request, answers Backstage's `cfaccess` refresh route itself, with a token that
//! the backend accepts, and forwards everything else to the origin.
//!
//! The stock Worker needs no code: it is configured. Use this crate as a library if you need a sign-in
//! resolver, a profile, ownership or claims that the configuration cannot express.
//!
//! # A Worker of your own
//!
//! ```toml
//! [dependencies]
//! backstage-cfaccess = { version = "0.1", default-features = false, features = ["worker"] }
//! worker = "0.8"
//!
//! [dev-dependencies]
//! backstage-cfaccess = { version = "0.1", default-features = false, features = ["testing"] }
//! ```
//!
//! [`CfAccess`] is the app. A resolver is an async closure, or a type that implements
//! [`SignInResolver`]:
//!
//! ```
//! use backstage_cfaccess::{CfAccess, Rejection, UserQuery};
//!
//! fn app() -> CfAccess {
//!     CfAccess::new().sign_in(async |info, ctx| {
//!         let id = info.result.attribute("employee_id").ok_or_else(Rejection::not_found)?;
//!         ctx.sign_in_with_catalog_user(UserQuery::annotation("acme.com/id", id)).await
//!     })
//! }
//! # #[cfg(feature = "testing")] {
//! use backstage_cfaccess::testing::{Catalog, Identity, Trial};
//!
//! let catalog = Catalog::new().user("jane", |it| it.annotation("acme.com/id", "7"));
//! let trial = Trial::of(app())
//!     .config(r#"{ "catalog": { "indexes": ["metadata.annotations.acme.com/id"] } }"#)
//!     .catalog(catalog);
//!
//! let caller = Identity::user("jane@acme.com").attribute("employee_id", "7");
//! assert_eq!(trial.sign_in(&caller).unwrap().user(), "user:default/jane");
//! # }
//! ```
//!
//! The functions of `worker` connect the app to the Workers runtime. They take the objects of the
//! crate `worker` as they are:
//!
#![cfg_attr(feature = "worker", doc = "```no_run")]
// Without the feature there is nothing that could compile it.
#![cfg_attr(not(feature = "worker"), doc = "```text")]
//! use backstage_cfaccess::{CfAccess, worker as cfaccess};
//! use worker::web_sys::{Request, Response};
//! use worker::{Context, Env, Result, event};
//! # fn app() -> CfAccess { CfAccess::new() }
//!
//! #[event(fetch)]
//! async fn fetch(request: Request, env: Env, ctx: Context) -> Result<Response> {
//!     Ok(cfaccess::fetch(app, &request, &env, &ctx).await)
//! }
//! # fn main() {}
//! ```
//!
//! # Features
//!
//! | feature | adds | default |
//! | --- | --- | --- |
//! | `worker` | `worker`, the functions that a Worker of your own calls | no |
//! | `testing` | `testing`, a test kit for resolvers; tests run natively | no |
//! | `entry` | the events of the stock Worker; a Worker of your own has its own, so leave it out | yes |
//! | `cli` | the program `cfaccess`; native only | yes |
//!
//! # How it works
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
//! `gate` knows the whole path; every other module depends only on modules above it in the list in
//! `src/lib.rs`. Everything but `worker` and `cli` is pure: no clock, no I/O, no JavaScript type. The
//! time and the ports are arguments.

// `#[doc(hidden)]` modules are not part of the public API: they are exempt from semver. They are `pub`
// because the tests, `fuzz/`, `bench/` and the program `cfaccess` use them from outside the library.

mod base64url;
#[doc(hidden)]
pub mod cause;
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
