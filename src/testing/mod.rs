//! A test kit for the authors of resolvers: sign-ins without a Worker, a key or a network.
//!
//! ```
//! use backstage_cfaccess::testing::{Catalog, Identity, Trial};
//! use backstage_cfaccess::{CfAccess, UserQuery};
//!
//! let app = CfAccess::new().sign_in(async |info, ctx| {
//!     let email = info.email()?;
//!     ctx.sign_in_with_catalog_user(UserQuery::email(email)).await
//! });
//! let catalog = Catalog::new().user("jane", |user| user.email("jane@acme.com").member_of("team-a"));
//! let trial = Trial::of(app).catalog(catalog);
//!
//! let jane = trial.sign_in(&Identity::user("jane@acme.com")).unwrap();
//! assert_eq!(jane.user(), "user:default/jane");
//! assert_eq!(jane.ownership(), ["user:default/jane", "group:default/team-a"]);
//! let ghost = trial.sign_in(&Identity::user("ghost@acme.com")).unwrap_err();
//! assert_eq!((ghost.status(), ghost.code()), (404, "user_not_found"));
//! ```

mod catalog;
mod identity;
mod ports;
mod trial;

pub use catalog::{Catalog, TestUser};
pub use identity::Identity;
pub use trial::{Trial, TrialRejection, TrialSignIn};
