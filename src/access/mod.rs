//! What Cloudflare Access says about a caller: from bytes to a verified [`Assertion`] or a refusal.
//!
//! In scope: the compact JWS, the team's JWK Set and its cache, the claims, get-identity's document.
//! Out of scope: Backstage.

mod assertion;
mod claims;
mod get_identity;
mod identity;
mod jwks;
mod jwks_cache;
mod jwks_turns;
mod jws;
mod policy;

pub use assertion::{Assertion, Subject, verify};
pub use claims::{AccessClaims, Audience, CLOCK_LEEWAY};
pub use get_identity::{IDENTITY_LIFE, IDENTITY_PAUSE, IdentityCache, identity_of};
pub use identity::{AccessGroup, AccessIdentity, IdentitySource};
pub use jwks::{JwkSet, JwkSetError};
pub use jwks_cache::{
    CACHE_MAX_AGE, COOLDOWN, ERROR_BACKOFF, JwksCache, REFRESH_JITTER, STALE_IF_ERROR,
    STALE_WHILE_REFRESHING, keys_age, refresh_jwks,
};
pub use jwks_turns::COLD_LOOKS;
pub use jws::{MAX_ASSERTION_BYTES, UnverifiedAssertion};
pub use policy::{AccessPolicy, IdentityFrom, ServiceToken};
