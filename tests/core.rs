//! The native tests of the core: what it accepts, what it refuses and with which code, what it
//! answers. One binary, so that the core is linked once; `tests/core/` holds a file per subject.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml allows them in tests, but takes only functions marked `#[test]` for tests"
)]

mod support;

#[path = "core/annotation.rs"]
mod annotation;
#[path = "core/attach.rs"]
mod attach;
#[path = "core/background.rs"]
mod background;
#[path = "core/claims.rs"]
mod claims;
#[path = "core/config.rs"]
mod config;
#[path = "core/config_values.rs"]
mod config_values;
#[path = "core/forged.rs"]
mod forged;
#[path = "core/forgery.rs"]
mod forgery;
#[path = "core/forward.rs"]
mod forward;
#[path = "core/forward_verified.rs"]
mod forward_verified;
#[path = "core/gate.rs"]
mod gate;
#[path = "core/identity.rs"]
mod identity;
#[path = "core/jwks.rs"]
mod jwks;
#[path = "core/jwks_cache.rs"]
mod jwks_cache;
#[path = "core/jwks_cache_faults.rs"]
mod jwks_cache_faults;
#[path = "core/jws.rs"]
mod jws;
#[path = "core/jws_signature.rs"]
mod jws_signature;
#[path = "core/key_set.rs"]
mod key_set;
#[path = "core/log_line.rs"]
mod log_line;
#[path = "core/origin_jwks.rs"]
mod origin_jwks;
#[path = "core/own_code.rs"]
mod own_code;
#[path = "core/page.rs"]
mod page;
#[path = "core/property.rs"]
mod property;
#[path = "core/read_ahead.rs"]
mod read_ahead;
#[path = "core/refusal.rs"]
mod refusal;
#[path = "core/reuse.rs"]
mod reuse;
#[path = "core/routes.rs"]
mod routes;
#[path = "core/session.rs"]
mod session;
#[path = "core/sign_in.rs"]
mod sign_in;
#[path = "core/sync.rs"]
mod sync;
#[path = "core/sync_faults.rs"]
mod sync_faults;
#[path = "core/sync_overlap.rs"]
mod sync_overlap;
#[path = "core/sync_runs.rs"]
mod sync_runs;
#[path = "core/userinfo.rs"]
mod userinfo;
#[path = "core/verified.rs"]
mod verified;
#[path = "core/wycheproof.rs"]
mod wycheproof;
