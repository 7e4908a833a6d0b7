//! Private ES256 keys that sign Backstage tokens.

use jwt_compact::alg::SecretBytes;
use jwt_compact::jwk::JsonWebKey;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::base64url;

/// Bytes of a coordinate and of the secret scalar of P-256.
const SCALAR_BYTES: usize = 32;

/// A private ES256 key (RFC 7518, sections 3.4 and 6.2).
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// The `kid`, in the header of every token.
    pub id: String,
    /// The key, private part included.
    pub jwk: JsonWebKey<'static>,
    /// SHA-256 of the key's coordinates: names the key, whatever its `kid`.
    pub fingerprint: [u8; 32],
    public: PublicJwk,
}

/// The published half, with the members in Backstage's order.
#[derive(Clone, Debug, Serialize)]
pub struct PublicJwk {
    /// Always `EC`.
    pub kty: &'static str,
    /// The x coordinate, base64url.
    pub x: String,
    /// The y coordinate, base64url.
    pub y: String,
    /// Always `P-256`.
    pub crv: &'static str,
    /// The key id.
    pub kid: String,
    /// Always `ES256`.
    pub alg: &'static str,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub purpose: &'static str,
}

impl SigningKey {
    /// Reads a member of a JWK Set.
    ///
    /// # Errors
    /// What is wrong with it, never with key material in it.
    pub fn read(member: &Value) -> Result<Self, String> {
        let text = |name: &str| member.get(name).map(|value| value.as_str().unwrap_or_default());
        let id = text("kid").filter(|kid| !kid.is_empty()).ok_or("has no kid")?.to_owned();
        if text("alg").is_some_and(|alg| alg != "ES256") {
            return Err("is for another algorithm than ES256".to_owned());
        }
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return Err("is for another use than signing".to_owned());
        }
        if text("kty") != Some("EC") || text("crv") != Some("P-256") {
            return Err("is not an EC key on the curve P-256".to_owned());
        }
        if member.get("d").is_none() {
            return Err("is not a private key: it has no `d`".to_owned());
        }
        let scalar = |name: &str| {
            text(name)
                .and_then(base64url::decode)
                .filter(|bytes| bytes.len() == SCALAR_BYTES)
                .ok_or_else(|| format!("has a `{name}` that is not 32 bytes in base64url"))
        };
        let (x, y, secret) = (scalar("x")?, scalar("y")?, scalar("d")?);
        let public = PublicJwk {
            kty: "EC",
            x: base64url::encode(&x),
            y: base64url::encode(&y),
            crv: "P-256",
            kid: id.clone(),
            alg: "ES256",
            purpose: "sig",
        };
        let fingerprint = Sha256::new().chain_update(&x).chain_update(&y).finalize().into();
        let jwk = JsonWebKey::EllipticCurve {
            curve: "P-256".into(),
            x: x.into(),
            y: y.into(),
            secret: Some(SecretBytes::owned(secret)),
        };
        Ok(Self { id, jwk, fingerprint, public })
    }

    /// The published half.
    #[must_use]
    pub const fn public(&self) -> &PublicJwk {
        &self.public
    }
}
