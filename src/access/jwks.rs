//! The team's JWK Set (RFC 7517, section 5), as the certs endpoint publishes it.

use std::fmt;
use std::rc::Rc;

use serde_json::Value;

use crate::json::read_document;
use crate::jwk::PublicKey;

/// The most keys that are read from one set. Access publishes two.
const MAX_KEYS: usize = 64;

/// The usable keys of a set.
#[derive(Clone, Debug, Default)]
pub struct JwkSet {
    keys: Vec<Rc<PublicKey>>,
}

/// Why a document is no usable key set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JwkSetError {
    /// Not a JSON object with a list `keys`.
    NotAKeySet(String),
    /// None of its keys is usable.
    NoUsableKey,
}

impl fmt::Display for JwkSetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAKeySet(why) => write!(formatter, "not a JWK Set: {why}"),
            Self::NoUsableKey => formatter.write_str("no usable RSA key in the JWK Set"),
        }
    }
}

impl JwkSet {
    /// Reads a set. Members that are not usable are passed over, as RFC 7517, section 5, asks; if
    /// two usable ones share a `kid`, neither is, since the choice between them would be a guess.
    ///
    /// # Errors
    /// [`JwkSetError`].
    pub fn parse(text: &str) -> Result<Self, JwkSetError> {
        let document = read_document(text)
            .map_err(|_| JwkSetError::NotAKeySet("not one JSON object".to_owned()))?;
        let members = document
            .get("keys")
            .and_then(Value::as_array)
            .ok_or_else(|| JwkSetError::NotAKeySet("no list `keys`".to_owned()))?;
        let mut keys: Vec<Rc<PublicKey>> =
            members.iter().take(MAX_KEYS).filter_map(PublicKey::read).map(Rc::new).collect();
        let ids: Vec<String> = keys.iter().map(|key| key.id.clone()).collect();
        keys.retain(|key| ids.iter().filter(|id| **id == key.id).count() == 1);
        if keys.is_empty() {
            return Err(JwkSetError::NoUsableKey);
        }
        Ok(Self { keys })
    }

    /// The key with this `kid`.
    #[must_use]
    pub fn get(&self, key_id: &str) -> Option<Rc<PublicKey>> {
        self.keys.iter().find(|key| key.id == key_id).cloned()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}
