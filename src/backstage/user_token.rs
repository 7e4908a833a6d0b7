//! The Backstage user token, as `issueUserToken` of `@backstage/plugin-auth-backend` makes it and
//! `UserTokenHandler` of `@backstage/backend-defaults` reads it.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::base64url;
use crate::error::Fault;
use crate::jwk::SigningKey;
use crate::ports::Ports;

/// The longest token that Backstage accepts, in characters (`MAX_TOKEN_LENGTH` there).
pub const MAX_TOKEN_LENGTH: usize = 32_768;

/// A token that carries the ownership refs only while it is small is shorter than this, in characters.
/// Node.js refuses a request with 16,384 bytes of headers in all (`--max-http-header-size`), and Access's
/// assertion takes up to 4 KiB twice: in its header and in its cookie.
pub const SMALL_TOKEN_LENGTH: usize = 6 * 1024;

/// The bytes of an ES256 signature (RFC 7518, section 3.4).
pub const SIGNATURE_BYTES: usize = 64;

/// A dot and an ES256 signature in base64url.
const SIGNATURE_LENGTH: usize = 87;

/// `typ` of a user token.
pub(super) const USER_TYPE: &str = "vnd.backstage.user";

/// `typ` of the token that the backend puts into a cookie.
pub(super) const LIMITED_USER_TYPE: &str = "vnd.backstage.limited-user";

/// The claims that the Worker sets itself, or that say when a token is valid.
const RESERVED_CLAIMS: [&str; 8] = ["iss", "sub", "ent", "aud", "iat", "exp", "nbf", "uip"];

/// Whether the Worker sets this claim itself.
#[must_use]
pub fn is_reserved_claim(name: &str) -> bool {
    RESERVED_CLAIMS.contains(&name)
}

/// Whether a token carries `ent`, the ownership refs. Without them the backend asks userinfo.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OwnershipClaim {
    /// Whatever its length.
    Always,
    /// While the token is shorter than [`SMALL_TOKEN_LENGTH`].
    WhileSmall,
    /// Never.
    Never,
}

/// What a token says.
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest<'a> {
    /// The URL of the auth plugin.
    pub issuer: &'a str,
    /// The user's canonical entity ref.
    pub user: &'a str,
    /// The ownership refs.
    pub ownership: &'a [String],
    /// Whether the token carries them.
    pub ownership_claim: OwnershipClaim,
    /// Additional claims. Those that the Worker sets itself come before them.
    pub claims: &'a Map<String, Value>,
    /// Seconds since 1970.
    pub issued_at: i64,
    /// Seconds since 1970.
    pub expires_at: i64,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

/// The order of the members matters: from a user token the backend builds this very text again.
#[derive(Serialize)]
struct LimitedClaims<'a> {
    sub: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ent: Option<&'a [String]>,
    aud: &'a str,
    iat: i64,
    exp: i64,
    uip: &'a str,
    #[serde(flatten)]
    more: MoreClaims<'a>,
}

/// Additional claims, without those that have the name of a claim above.
struct MoreClaims<'a>(&'a Map<String, Value>);

impl Serialize for MoreClaims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(name, _)| !is_reserved_claim(name)))
    }
}

/// Signs a user token. Its `uip` is the signature of the limited-user token with the same subject
/// and times, with which the backend makes cookies and calls on behalf of the user.
///
/// # Errors
/// [`Fault::Crypto`], [`Fault::TokenTooLarge`].
pub async fn issue<P: Ports>(
    request: &TokenRequest<'_>,
    key: &SigningKey,
    ports: &P,
) -> Result<String, Fault> {
    let limited = signing_input(
        LIMITED_USER_TYPE,
        key,
        &LimitedClaims { sub: request.user, iat: request.issued_at, exp: request.expires_at },
    )?;
    let uip = sign(&limited, key, ports).await?;
    let input = |ent| {
        let claims = Claims {
            iss: request.issuer,
            sub: request.user,
            ent,
            aud: "backstage",
            iat: request.issued_at,
            exp: request.expires_at,
            uip: &uip,
            more: MoreClaims(request.claims),
        };
        signing_input(USER_TYPE, key, &claims)
    };
    let carried = request.ownership_claim != OwnershipClaim::Never;
    let mut token = input(carried.then_some(request.ownership))?;
    if request.ownership_claim == OwnershipClaim::WhileSmall
        && token.len() + SIGNATURE_LENGTH >= SMALL_TOKEN_LENGTH
    {
        token = input(None)?;
    }
    let signature = sign(&token, key, ports).await?;
    token.push('.');
    token.push_str(&signature);
    if token.len() > MAX_TOKEN_LENGTH {
        return Err(Fault::TokenTooLarge(token.len()));
    }
    Ok(token)
}

fn signing_input<C: Serialize>(typ: &str, key: &SigningKey, claims: &C) -> Result<String, Fault> {
    let mut text = encode(&Header { typ, alg: "ES256", kid: &key.id })?;
    text.push('.');
    text.push_str(&encode(claims)?);
    Ok(text)
}

fn encode<T: Serialize>(value: &T) -> Result<String, Fault> {
    let json = serde_json::to_vec(value).map_err(|error| Fault::Crypto(error.to_string()))?;
    Ok(base64url::encode(&json))
}

async fn sign<P: Ports>(input: &str, key: &SigningKey, ports: &P) -> Result<String, Fault> {
    let signature = ports
        .sign_es256(key, input.as_bytes())
        .await
        .map_err(|failure| Fault::Crypto(failure.0))?;
    if signature.len() != SIGNATURE_BYTES {
        return Err(Fault::Crypto(format!("a signature of {} bytes", signature.len())));
    }
    Ok(base64url::encode(&signature))
}
