//! Keys, made from fixed seeds once per test binary: the team's RSA keys, and the Worker's ES256
//! keys.

use std::sync::LazyLock;
use std::thread;

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The key that the team signs with.
pub(crate) static TEAM: LazyLock<&'static TeamKey> = LazyLock::new(|| &PAIR[0]);

/// Another key: the team's next one, or a forger's.
pub(crate) static OTHER: LazyLock<&'static TeamKey> = LazyLock::new(|| &PAIR[1]);

/// Both at once, on two cores: five seconds each without optimisation.
static PAIR: LazyLock<[TeamKey; 2]> = LazyLock::new(|| {
    let other = thread::spawn(|| TeamKey::new("b", 2));
    [TeamKey::new("a", 1), other.join().unwrap()]
});

/// The Worker's first signing key.
pub(crate) static SIGNER: LazyLock<SigningPair> =
    LazyLock::new(|| SigningPair::new("static-key-1", 1));

/// The Worker's second signing key.
pub(crate) static SIGNER_2: LazyLock<SigningPair> =
    LazyLock::new(|| SigningPair::new("static-key-2", 2));

/// An RSA key of 2048 bits with a `kid`, as Access has them.
#[derive(Debug)]
pub(crate) struct TeamKey {
    pub(crate) kid: String,
    private: RsaPrivateKey,
}

impl TeamKey {
    fn new(letter: &str, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let private = RsaPrivateKey::new(&mut random, 2048).unwrap();
        Self { kid: letter.repeat(64), private }
    }

    /// An RS256 signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.private.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message)).unwrap()
    }

    /// The public half, with the members that the certs endpoint gives.
    pub(crate) fn jwk(&self) -> Value {
        json!({
            "kid": self.kid,
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "e": Base64UrlUnpadded::encode_string(&self.private.e().to_bytes_be()),
            "n": Base64UrlUnpadded::encode_string(&self.private.n().to_bytes_be()),
        })
    }
}

/// A certs document with these keys.
pub(crate) fn certs(keys: &[&TeamKey]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// A public RSA key whose modulus is any number of that many bits: for what is never verified with.
pub(crate) fn jwk_of_modulus(kid: &str, bits: usize) -> Value {
    let mut modulus = vec![0xff_u8; bits.div_ceil(8)];
    modulus[0] >>= (8 - bits % 8) % 8;
    let modulus = Base64UrlUnpadded::encode_string(&modulus);
    json!({ "kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB", "n": modulus })
}

/// An ES256 key with a `kid`.
#[derive(Debug)]
pub(crate) struct SigningPair {
    pub(crate) kid: String,
    private: SigningKey,
}

impl SigningPair {
    fn new(kid: &str, seed: u8) -> Self {
        let private = SigningKey::from_slice(&Sha256::digest([seed])).unwrap();
        Self { kid: kid.to_owned(), private }
    }

    /// An ES256 signature, `R || S`.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.private.sign(message);
        signature.to_bytes().to_vec()
    }

    /// A compact JWS of these texts.
    pub(crate) fn token(&self, header: &str, payload: &str) -> String {
        let encode = Base64UrlUnpadded::encode_string;
        let input = format!("{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()));
        let signature = encode(&self.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }

    /// The private key as a member of `SIGNING_KEYS`.
    pub(crate) fn private_jwk(&self) -> Value {
        let mut jwk = self.public_jwk();
        let secret = Base64UrlUnpadded::encode_string(&self.private.to_bytes());
        jwk.as_object_mut().unwrap().insert("d".to_owned(), Value::String(secret));
        jwk
    }

    /// The public half.
    pub(crate) fn public_jwk(&self) -> Value {
        let point = self.private.verifying_key().to_encoded_point(false);
        json!({
            "kty": "EC",
            "crv": "P-256",
            "alg": "ES256",
            "use": "sig",
            "kid": self.kid,
            "x": Base64UrlUnpadded::encode_string(point.x().unwrap()),
            "y": Base64UrlUnpadded::encode_string(point.y().unwrap()),
        })
    }
}

/// Whether a compact JWS is signed with the private half of a published P-256 key.
pub(crate) fn verifies(token: &str, public: &Value) -> bool {
    let coordinate =
        |name: &str| Base64UrlUnpadded::decode_vec(public[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let key = VerifyingKey::from_sec1_bytes(&point).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = Base64UrlUnpadded::decode_vec(signature).unwrap();
    let signature = Signature::from_slice(&signature).unwrap();
    key.verify(input.as_bytes(), &signature).is_ok()
}
