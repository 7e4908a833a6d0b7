//! ES256 keys outside the Worker: made, checked, written as PEM.

use jwt_compact::jwk::JsonWebKey;
use p256::elliptic_curve::rand_core::OsRng;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use p256::{PublicKey, SecretKey};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::base64url;
use crate::jwk::SigningKey;

/// A key that was just made.
pub(super) struct NewKey {
    id: String,
    secret: SecretKey,
}

impl NewKey {
    /// A random key with this id, or with its thumbprint (RFC 7638) for an id.
    pub(super) fn random(id: Option<&str>) -> Self {
        let secret = SecretKey::random(&mut OsRng);
        let (x, y) = coordinates(&secret.public_key());
        // The required members in lexicographic order (RFC 7638, section 3).
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let thumbprint = base64url::encode(Sha256::digest(members));
        Self { id: id.map_or(thumbprint, str::to_owned), secret }
    }

    /// The private JWK (RFC 7518, section 6.2).
    pub(super) fn to_jwk(&self) -> serde_json::Value {
        let (x, y) = coordinates(&self.secret.public_key());
        let d = base64url::encode(self.secret.to_bytes());
        json!({
            "kty": "EC", "crv": "P-256", "x": x, "y": y, "d": d,
            "kid": self.id, "alg": "ES256", "use": "sig",
        })
    }
}

fn coordinates(key: &PublicKey) -> (String, String) {
    let point = key.to_encoded_point(false);
    let text = |part: Option<&p256::FieldBytes>| part.map(base64url::encode).unwrap_or_default();
    (text(point.x()), text(point.y()))
}

/// The PEM pair of a key, SPKI and PKCS #8, as Backstage's static key store reads it.
///
/// # Errors
/// A sentence, without key material, if the key is none or its halves do not belong together.
pub(super) fn pem_pair(key: &SigningKey) -> Result<(String, String), String> {
    let secret = secret_key(key)?;
    let public = secret
        .public_key()
        .to_public_key_pem(LineEnding::LF)
        .map_err(|error| format!("the public key cannot be written as PEM: {error}"))?;
    let private = secret
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|error| format!("the private key cannot be written as PEM: {error}"))?;
    Ok((public, private.to_string()))
}

/// The private key, if its public half is the one that stands beside it.
///
/// # Errors
/// A sentence, without key material.
pub(super) fn secret_key(key: &SigningKey) -> Result<SecretKey, String> {
    let JsonWebKey::EllipticCurve { x, y, secret: Some(secret), .. } = &key.jwk else {
        return Err("is not a private EC key".to_owned());
    };
    let secret = SecretKey::from_slice(secret)
        .map_err(|_| "has a `d` that is no private key on P-256".to_owned())?;
    let point = secret.public_key().to_encoded_point(false);
    let same = |ours: Option<&p256::FieldBytes>, theirs: &[u8]| {
        ours.is_some_and(|ours| ours[..] == *theirs)
    };
    if !same(point.x(), x) || !same(point.y(), y) {
        return Err("has a private half that does not belong to its public half".to_owned());
    }
    Ok(secret)
}
