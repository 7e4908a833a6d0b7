//! The keys that Backstage tokens are signed with: a JWK Set of private ES256 keys. The first signs,
//! the public halves of all are published, so that a rotation signs nobody out.

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::jwk::JsonWebKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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
struct PublicJwk {
    kty: &'static str,
    x: String,
    y: String,
    crv: &'static str,
    kid: String,
    alg: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
}

/// The keys; never empty.
#[derive(Clone, Debug)]
pub struct SigningKeySet {
    first: SigningKey,
    others: Vec<SigningKey>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl SigningKeySet {
    /// Reads the secret.
    ///
    /// # Errors
    /// A sentence that says what is wrong, never with key material in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        // serde_json's own message may quote a value, and the values here are secret.
        let document: Document = serde_json::from_slice(text.as_bytes())
            .map_err(|_| "is not a JSON Web Key Set: an object with a list `keys`".to_owned())?;
        let mut keys: Vec<SigningKey> = Vec::new();
        for (index, member) in document.keys.into_iter().enumerate() {
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
    pub fn public_jwks(&self) -> Vec<serde_json::Value> {
        self.iter().filter_map(|key| serde_json::to_value(&key.public).ok()).collect()
    }
}

impl SigningKey {
    fn read(member: serde_json::Value) -> Result<Self, String> {
        let text = |name: &str| member.get(name).map(|value| value.as_str().unwrap_or_default());
        let id = text("kid").filter(|kid| !kid.is_empty()).ok_or("has no kid")?.to_owned();
        if text("alg").is_some_and(|alg| alg != "ES256") {
            return Err("is for another algorithm than ES256".to_owned());
        }
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return Err("is for another use than signing".to_owned());
        }
        let jwk: JsonWebKey<'static> = serde_json::from_value(member)
            .map_err(|_| "is not a key with base64url coordinates".to_owned())?;
        let JsonWebKey::EllipticCurve { curve, x, y, secret } = &jwk else {
            return Err("is not an EC key".to_owned());
        };
        if curve != "P-256" {
            return Err("is not on the curve P-256".to_owned());
        }
        let secret = secret.as_ref().ok_or("is not a private key: it has no `d`")?;
        if [x.as_ref(), y.as_ref(), secret.as_ref()].iter().any(|part| part.len() != SCALAR_BYTES) {
            return Err("has parts that are not 32 bytes long".to_owned());
        }
        let public = PublicJwk {
            kty: "EC",
            x: Base64UrlUnpadded::encode_string(x),
            y: Base64UrlUnpadded::encode_string(y),
            crv: "P-256",
            kid: id.clone(),
            alg: "ES256",
            purpose: "sig",
        };
        let fingerprint = Sha256::new().chain_update(x).chain_update(y).finalize().into();
        Ok(Self { id, jwk, fingerprint, public })
    }
}
