//! What Backstage understands: entity refs, signing keys, the user token, the refresh answer,
//! userinfo. Out of scope: Cloudflare.

mod entity_ref;
mod published_jwks;
mod refresh_answer;
mod signing_keys;
mod user_token;
mod userinfo;

pub use entity_ref::EntityRef;
pub use published_jwks::{is_jwk_set, join as join_jwks};
pub use refresh_answer::{BackstageIdentity, ProviderInfo, RefreshAnswer, Session};
pub use signing_keys::SigningKeySet;
pub use user_token::{
    MAX_TOKEN_LENGTH, OwnershipClaim, SIGNATURE_BYTES, SMALL_TOKEN_LENGTH, TokenRequest,
    is_reserved_claim, issue,
};
pub use userinfo::{UnverifiedToken, UserClaims, read_token, verify_user_token};
