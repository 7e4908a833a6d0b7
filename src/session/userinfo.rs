//! The userinfo route: what a Backstage token that we signed says, or what the catalog says of its
//! subject.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;

use super::signing_key::SigningKeySet;
use super::token::{LIMITED_USER_TYPE, MAX_TOKEN_LENGTH, USER_TYPE};
use crate::ports::Ports;
use crate::refusal::{Fault, Refusal, Stop};

/// Whose token this is, of which nothing is verified.
#[derive(Debug)]
pub enum Held<'a> {
    /// Signed, so it says, with one of our keys.
    Ours(Unverified<'a>),
    /// Of another signer, or no token at all.
    Theirs,
}

/// A token that claims to be ours.
#[derive(Debug)]
pub struct Unverified<'a> {
    key_id: String,
    signing_input: &'a str,
    signature: Vec<u8>,
    payload: Vec<u8>,
}

/// What a verified token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claimed {
    /// The user's entity ref.
    pub user: String,
    /// The ownership refs, if the token carries them; a limited-user token never does.
    pub ownership: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Payload {
    sub: String,
    exp: i64,
    ent: Option<Vec<String>>,
}

/// Looks at the header of a bearer token: a user or limited-user token with a `kid` of ours is ours
/// to judge, anything else is the origin's.
#[must_use]
pub fn read_token<'a>(token: &'a str, keys: &SigningKeySet) -> Held<'a> {
    read(token, keys).map_or(Held::Theirs, Held::Ours)
}

fn read<'a>(token: &'a str, keys: &SigningKeySet) -> Option<Unverified<'a>> {
    if token.len() > MAX_TOKEN_LENGTH {
        return None;
    }
    let (signing_input, signature) = token.rsplit_once('.')?;
    let (header, payload) = signing_input.split_once('.')?;
    let header: Header =
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(header).ok()?).ok()?;
    let key_id = header.kid.filter(|kid| keys.get(kid).is_some())?;
    if header.alg != "ES256" || !matches!(header.typ?.as_str(), USER_TYPE | LIMITED_USER_TYPE) {
        return None;
    }
    Some(Unverified {
        key_id,
        signing_input,
        signature: Base64UrlUnpadded::decode_vec(signature).unwrap_or_default(),
        payload: Base64UrlUnpadded::decode_vec(payload).unwrap_or_default(),
    })
}

/// Verifies a token of ours.
///
/// # Errors
/// [`Refusal::TokenInvalid`] if it is not ours after all, is malformed or has expired;
/// [`Fault::Crypto`].
pub async fn user_info<P: Ports>(
    token: &Unverified<'_>,
    now: i64,
    keys: &SigningKeySet,
    ports: &P,
) -> Result<Claimed, Stop> {
    let key = keys.get(&token.key_id).ok_or(Refusal::TokenInvalid)?;
    let genuine = ports
        .verify_es256(key, token.signing_input.as_bytes(), &token.signature)
        .await
        .map_err(|failure| Fault::Crypto(failure.0))?;
    if !genuine {
        return Err(Refusal::TokenInvalid.into());
    }
    let payload: Payload =
        serde_json::from_slice(&token.payload).map_err(|_| Refusal::TokenInvalid)?;
    if payload.exp <= now {
        return Err(Refusal::TokenInvalid.into());
    }
    Ok(Claimed { user: payload.sub, ownership: payload.ent })
}
