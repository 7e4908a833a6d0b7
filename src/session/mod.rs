//! What Backstage is given: signing keys, the user token, the refresh answer, userinfo. This folder
//! has never heard of Cloudflare.

mod answer;
mod jwks;
mod signing_key;
mod token;
mod userinfo;

pub use answer::{BackstageIdentity, ProviderInfo, RefreshAnswer, Session};
pub use jwks::join as join_jwks;
pub use signing_key::{PublicJwk, SigningKey, SigningKeySet};
pub use token::{MAX_TOKEN_LENGTH, TokenRequest, issue};
pub use userinfo::{Claimed, Held, Unverified, read_token, user_info};
