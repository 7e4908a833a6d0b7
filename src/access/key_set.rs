//! The team's JWK Set (RFC 7517, section 5), as the certs endpoint publishes it.

use std::fmt;
use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::jwk::JsonWebKey;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::json::read_unique;

/// The most keys that are read from one set. Access publishes two.
const MAX_KEYS: usize = 64;

/// The moduli that are accepted, in bits. Below: too weak (RFC 7518, section 3.3), and workerd's
/// WebCrypto would take 256. Above: no Access key, and verification grows with the square.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// An RSA public key that may verify RS256 signatures.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// The `kid`.
    pub id: String,
    /// The key itself, without anything that is not needed to verify.
    pub jwk: JsonWebKey<'static>,
    /// SHA-256 of the key's numbers: names the key, whatever its `kid`.
    pub fingerprint: [u8; 32],
}

/// The usable keys of a set.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Rc<PublicKey>>,
}

/// Why a document is no usable key set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySetError {
    /// Not a JSON object with a list `keys`.
    NotAKeySet(String),
    /// None of its keys is usable.
    NoUsableKey,
}

impl fmt::Display for KeySetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAKeySet(why) => write!(formatter, "not a JWK Set: {why}"),
            Self::NoUsableKey => formatter.write_str("no usable RSA key in the JWK Set"),
        }
    }
}

impl KeySet {
    /// Reads a set. Members that are not usable are passed over, as RFC 7517, section 5, asks; if
    /// two usable ones share a `kid`, neither is, since the choice between them would be a guess.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn parse(text: &str) -> Result<Self, KeySetError> {
        let document = read_unique(text.as_bytes())
            .map_err(|_| KeySetError::NotAKeySet("not one JSON object".to_owned()))?;
        let members = document
            .get("keys")
            .and_then(Value::as_array)
            .ok_or_else(|| KeySetError::NotAKeySet("no list `keys`".to_owned()))?;
        let mut keys: Vec<Rc<PublicKey>> =
            members.iter().take(MAX_KEYS).filter_map(usable).map(Rc::new).collect();
        let ids: Vec<String> = keys.iter().map(|key| key.id.clone()).collect();
        keys.retain(|key| ids.iter().filter(|id| **id == key.id).count() == 1);
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey);
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

/// The key, if it is one that may verify RS256 signatures: RSA, public, with a `kid`, not meant for
/// another algorithm or use (RFC 7517, sections 4.2 to 4.4; RFC 8725, section 3.1: one key, one
/// algorithm).
fn usable(member: &Value) -> Option<PublicKey> {
    // A private key in a published set is nobody's key any more.
    if member.get("d").is_some() {
        return None;
    }
    let text = |name: &str| match member.get(name) {
        None => Some(None),
        Some(value) => value.as_str().map(Some),
    };
    let id = text("kid")??.to_owned();
    let may_verify = match member.get("key_ops") {
        None => true,
        Some(ops) => ops.as_array()?.iter().any(|op| op == "verify"),
    };
    let is_for_rs256 = text("alg")?.is_none_or(|alg| alg == "RS256")
        && text("use")?.is_none_or(|purpose| purpose == "sig");
    if id.is_empty() || !may_verify || !is_for_rs256 {
        return None;
    }
    if text("kty")? != Some("RSA") {
        return None;
    }
    // By hand, since jwt-compact's Deserialize for all kinds of keys makes the module 10 % larger.
    let number = |name: &str| Base64UrlUnpadded::decode_vec(member.get(name)?.as_str()?).ok();
    let (modulus, public_exponent) = (number("n")?, number("e")?);
    let exponent =
        public_exponent.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    let exponent_is_sound = public_exponent.len() <= 4 && exponent >= 3 && exponent % 2 == 1;
    if !MODULUS_BITS.contains(&bits(&modulus)) || !exponent_is_sound {
        return None;
    }
    let fingerprint = Sha256::new().chain_update(&modulus).chain_update(&public_exponent);
    let fingerprint = fingerprint.finalize().into();
    let jwk = JsonWebKey::Rsa {
        modulus: modulus.into(),
        public_exponent: public_exponent.into(),
        private_parts: None,
    };
    Some(PublicKey { id, jwk, fingerprint })
}

/// The length of a big-endian number in bits.
fn bits(number: &[u8]) -> usize {
    let mut rest = number.iter().skip_while(|byte| **byte == 0);
    rest.next().map_or(0, |first| {
        let zeros = usize::try_from(first.leading_zeros()).unwrap_or(0);
        8 - zeros + rest.count() * 8
    })
}
