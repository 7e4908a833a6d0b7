//! The whole path of a request. [`Gate::decide`] returns what to do as data and does no I/O of its
//! own.
//!
//! To add a route: a variant of [`Route`], its place in `route.rs`, and its handler in
//! `decide.rs`.

mod app;
mod attach;
mod background;
mod before_forward;
mod caches;
mod composition;
mod cors;
mod decide;
mod header_edits;
mod health;
mod issued;
mod log_event;
mod origin_jwks;
mod page;
mod public_routes;
mod refresh;
mod registration;
mod reply;
mod request;
mod request_scope;
mod route;
mod shadow;
#[cfg(any(feature = "cli", feature = "testing"))]
mod trial;
mod waits;

pub use app::CfAccess;
pub use background::run_background;
pub use before_forward::{Caller, Edits};
pub use caches::IsolateCaches;
pub use composition::{Checked, SignedIn};
pub use cors::{cors_headers, preflight};
pub use decide::{Decision, Gate, Outcome, REFRESH_LIMIT_MS};
pub use header_edits::{AssertionNames, Forward, HOP_HEADER, HeaderEdits, is_identity_header};
pub use log_event::LogEvent;
pub use registration::REGISTRATION_PAUSE;
pub use reply::{CONTENT_TYPE, Reply, error_answer, error_reply};
pub use request::{HeaderSource, Request, cookie};
pub use route::{Route, route};
pub use shadow::{Comparison, OriginAnswer, Snapshot};
#[cfg(any(feature = "cli", feature = "testing"))]
pub(crate) use trial::TrialOutcome;
pub use waits::Waits;
