//! The keys that Backstage tokens are signed with: a JWK Set of private ES256 keys. The first signs,
//! the public halves of all are published, so that users stay signed in during a rotation.

use serde_json::Value;

use crate::json::read_document;
use crate::jwk::{PublicJwk, SigningKey};

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
        let document = read_document(text).unwrap_or_default();
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
        self.iter().map(|key| key.public().clone()).collect()
    }
}
