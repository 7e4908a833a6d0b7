//! What Cloudflare Access says of a caller: from bytes to a verified [`Assertion`] or a refusal.
//!
//! In scope: the compact JWS, the team's key set and how it is kept, the claims, get-identity's
//! document. Out of scope: Backstage; this folder has never heard of it.

mod assertion;
mod claims;
mod identity;
mod jws;
mod key_set;
mod key_source;

pub use assertion::{Assertion, Subject, verify};
pub use claims::{AccessClaims, Audience, CLOCK_LEEWAY};
pub use identity::{AccessIdentity, IDENTITY_LIFE, IdentitySource, identity_of};
pub use jws::{MAX_ASSERTION_BYTES, Untrusted};
pub use key_set::{KeySet, KeySetError, PublicKey};
pub use key_source::{
    COOL_DOWN, FAILURE_PAUSE, FRESH, KeyMemory, SPREAD, STALE, refresh as refresh_keys,
};
