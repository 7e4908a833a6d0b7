//! Assertions, minted from JSON text as it stands, so that a test can mint any mistake.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value, json};

use super::{AUDIENCE, ISSUER, NOW, TEAM, TeamKey};

/// An assertion signed with the team's key.
pub(crate) fn mint(header: &str, payload: &str) -> String {
    mint_with(&TEAM, header, payload)
}

/// An assertion signed with any key.
pub(crate) fn mint_with(key: &TeamKey, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", encode(header), encode(payload));
    let signature = Base64UrlUnpadded::encode_string(&key.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// base64url, as in a compact JWS.
pub(crate) fn encode(text: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(text.as_ref())
}

/// The header that Access writes, for the team's key.
pub(crate) fn header() -> String {
    header_for(&TEAM.kid)
}

fn header_for(kid: &str) -> String {
    format!(r#"{{"alg":"RS256","kid":"{kid}","typ":"JWT"}}"#)
}

/// The header of a compact JWS, as text.
pub(crate) fn header_of(token: &str) -> String {
    part_of(token, 0)
}

/// The payload of a compact JWS, as text.
pub(crate) fn payload_of(token: &str) -> String {
    part_of(token, 1)
}

fn part_of(token: &str, index: usize) -> String {
    let part = token.split('.').nth(index).unwrap();
    String::from_utf8(Base64UrlUnpadded::decode_vec(part).unwrap()).unwrap()
}

/// Claims, to be changed one by one.
#[derive(Clone, Debug)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    /// Jane's, issued at [`NOW`] for an hour.
    pub(crate) fn user() -> Self {
        Self::of(json!({
            "aud": [AUDIENCE],
            "email": "jane@example.com",
            "exp": NOW + 3600,
            "iat": NOW,
            "nbf": NOW,
            "iss": ISSUER,
            "type": "app",
            "identity_nonce": "Vk3mPq8sT1yZ0aBc",
            "sub": "8c87b489-ce35-5f2e-af39-f80e282cb2e8",
            "country": "SE",
        }))
    }

    /// A configured service token's, in the documented shape: an empty `sub`, no `nbf`.
    pub(crate) fn service_token() -> Self {
        Self::of(json!({
            "type": "app",
            "aud": [AUDIENCE],
            "exp": NOW + 3600,
            "iss": ISSUER,
            "common_name": "11111111111111111111111111111111.access",
            "iat": NOW,
            "sub": "",
        }))
    }

    fn of(claims: Value) -> Self {
        match claims {
            Value::Object(members) => Self(members),
            other => panic!("not an object: {other}"),
        }
    }

    pub(crate) fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// Their text.
    pub(crate) fn text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// The assertion that the team makes of them.
    pub(crate) fn mint(&self) -> String {
        mint(&header(), &self.text())
    }

    /// The assertion that a key makes of them, under its own `kid`.
    pub(crate) fn mint_by(&self, key: &TeamKey) -> String {
        mint_with(key, &header_for(&key.kid), &self.text())
    }
}
