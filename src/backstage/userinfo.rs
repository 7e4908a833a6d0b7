//! The userinfo route: what a Backstage token that we signed says, or what the catalog says of its
//! subject.

use serde_json::{Map, Value};

use super::signing_keys::SigningKeySet;
use super::user_token::{LIMITED_USER_TYPE, MAX_TOKEN_LENGTH, USER_TYPE, is_reserved_claim};
use crate::base64url;
use crate::error::{Fault, GateError, Refusal};
use crate::json::{read_unique, strings};
use crate::ports::Ports;

/// A token that claims to be ours.
#[derive(Debug)]
pub struct UnverifiedToken<'a> {
    key_id: String,
    signing_input: &'a str,
    signature: Vec<u8>,
    payload: Vec<u8>,
}

/// What a verified token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserClaims {
    /// The user's entity ref.
    pub user: String,
    /// The ownership refs, if the token carries them; a limited-user token never does.
    pub ownership: Option<Vec<String>>,
    /// Additional claims; a limited-user token has none.
    pub claims: Map<String, Value>,
}

/// Reads the header of a bearer token. `None` if it is not a user or limited-user token with the
/// `kid` of one of our keys: then the origin verifies it.
#[must_use]
pub fn read_token<'a>(token: &'a str, keys: &SigningKeySet) -> Option<UnverifiedToken<'a>> {
    if token.len() > MAX_TOKEN_LENGTH {
        return None;
    }
    let (signing_input, signature) = token.rsplit_once('.')?;
    let (header, payload) = signing_input.split_once('.')?;
    let header = read_unique(&base64url::decode(header)?).ok()?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    let key_id = text("kid").filter(|kid| keys.get(kid).is_some())?;
    if text("alg")? != "ES256" || !matches!(text("typ")?, USER_TYPE | LIMITED_USER_TYPE) {
        return None;
    }
    Some(UnverifiedToken {
        key_id: key_id.to_owned(),
        signing_input,
        signature: base64url::decode(signature).unwrap_or_default(),
        payload: base64url::decode(payload).unwrap_or_default(),
    })
}

/// Verifies a token of ours.
///
/// # Errors
/// [`Refusal::TokenInvalid`] if it is not ours after all, is malformed or has expired;
/// [`Fault::Crypto`].
pub async fn verify_user_token<P: Ports>(
    token: &UnverifiedToken<'_>,
    now: i64,
    keys: &SigningKeySet,
    ports: &P,
) -> Result<UserClaims, GateError> {
    let key = keys.get(&token.key_id).ok_or(Refusal::TokenInvalid)?;
    let genuine = ports
        .verify_es256(key, token.signing_input.as_bytes(), &token.signature)
        .await
        .map_err(|failure| Fault::Crypto(failure.0))?;
    if !genuine {
        return Err(Refusal::TokenInvalid.into());
    }
    let payload = read_unique(&token.payload).map_err(|_| Refusal::TokenInvalid)?;
    let user = payload.get("sub").and_then(Value::as_str).ok_or(Refusal::TokenInvalid)?;
    let expires_at = payload.get("exp").and_then(Value::as_i64).ok_or(Refusal::TokenInvalid)?;
    if expires_at <= now {
        return Err(Refusal::TokenInvalid.into());
    }
    let ownership = match payload.get("ent") {
        None => None,
        Some(refs) => Some(strings(refs).ok_or(Refusal::TokenInvalid)?),
    };
    let user = user.to_owned();
    let is_additional = |name: &str| !is_reserved_claim(name);
    let claims = payload.into_iter().filter(|(name, _)| is_additional(name)).collect();
    Ok(UserClaims { user, ownership, claims })
}
