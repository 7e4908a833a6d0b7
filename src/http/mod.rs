//! HTTP as data: what of a request the core may see, which route it takes, what is answered and
//! what is changed on the way to the origin. No I/O.

mod cors;
mod forward;
mod reply;
mod request;
mod route;

pub use cors::{cors_headers, preflight};
pub use forward::{Forward, HeaderEdits, is_identity_header};
pub use reply::{CONTENT_TYPE, Reply, error_reply};
pub use request::{HeaderSource, Request, cookie};
pub use route::{Route, route};
