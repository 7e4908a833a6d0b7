//! The keys that Backstage tokens are signed with: a JWK Set of private ES256 keys. The first signs,
//! the public halves of all are published, so that a rotation signs nobody out.

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::alg::SecretBytes;
use jwt_compact::jwk::JsonWebKey;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::json::read_unique;

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
    pub(super) kty: &'static str,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) crv: &'static str,
    pub(super) kid: String,
    pub(super) alg: &'static str,
    #[serde(rename = "use")]
    pub(super) purpose: &'static str,
}

/// The keys; never empty.
#[derive(Clone, Debug)]
pub struct SigningKeySet {
    first: SigningKey,
    others: Vec<SigningKey>,
}

impl SigningKeySet {
    /// Reads the secret.
    ///
    /// # Errors
    /// A sentence that says what is wrong, never with key material in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        // serde_json's own message is left out: it may quote a value, and the values are secret.
        let document = read_unique(text.as_bytes()).unwrap_or_default();
        let members = document
            .get("keys")
            .and_then(Value::as_array)
            .ok_or("is not a JSON Web Key Set: an object with a list `keys`")?;
        let mut keys: Vec<SigningKey> = Vec::new();
        for (index, member) in members.iter().enumerate() {
            let key = SigningKey::read(member).map_err(|why| format!("keys[{index}] {why}"))?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(format!("keys[{index}] has the kid of another key"));
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or("holds no key")?;
        Ok(Self { first, others: keys.collect() })
    }

    /// The key that signs.
    #[must_use]
    pub const fn first(&self) -> &SigningKey {
        &self.first
    }

    /// The key with this `kid`.
    #[must_use]
    pub fn get(&self, key_id: &str) -> Option<&SigningKey> {
        self.iter().find(|key| key.id == key_id)
    }

    /// All keys, the signing one first.
    pub fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The public halves, as members of a JWK Set.
    #[must_use]
    pub fn public_jwks(&self) -> Vec<PublicJwk> {
        self.iter().map(|key| key.public.clone()).collect()
    }
}

impl SigningKey {
    fn read(member: &Value) -> Result<Self, String> {
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
                .and_then(|text| Base64UrlUnpadded::decode_vec(text).ok())
                .filter(|bytes| bytes.len() == SCALAR_BYTES)
                .ok_or_else(|| format!("has a `{name}` that is not 32 bytes in base64url"))
        };
        let (x, y, secret) = (scalar("x")?, scalar("y")?, scalar("d")?);
        let public = PublicJwk {
            kty: "EC",
            x: Base64UrlUnpadded::encode_string(&x),
            y: Base64UrlUnpadded::encode_string(&y),
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
}
