//! RSA public keys that verify assertions.

use jwt_compact::jwk::JsonWebKey;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::base64url;

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

impl PublicKey {
    /// The key, if it is one that may verify RS256 signatures: RSA, public, with a `kid`, not meant for
    /// another algorithm or use (RFC 7517, sections 4.2 to 4.4; RFC 8725, section 3.1: one key, one
    /// algorithm).
    #[must_use]
    pub fn read(member: &Value) -> Option<Self> {
        // A private key in a published set is compromised.
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
        let number = |name: &str| base64url::decode(member.get(name)?.as_str()?);
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
        Some(Self { id, jwk, fingerprint })
    }
}

/// The length of a big-endian number in bits.
fn bits(number: &[u8]) -> usize {
    let mut rest = number.iter().skip_while(|byte| **byte == 0);
    rest.next().map_or(0, |first| {
        let zeros = usize::try_from(first.leading_zeros()).unwrap_or(0);
        8 - zeros + rest.count() * 8
    })
}
