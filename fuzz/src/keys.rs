//! Keys, and what is genuinely signed with them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use backstage_cfaccess::jwk::{PublicKey, SigningKey};
use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::jwk::JsonWebKey;
use p256::ecdsa::signature::{Signer, Verifier};
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};
use sha2::{Digest, Sha256};

use crate::NOW;

/// The team's key, whose primes are here so that seeds can have what it signs. It is of no use elsewhere.
static TEAM: LazyLock<RsaPrivateKey> = LazyLock::new(|| {
    let prime =
        |text| BigUint::from_bytes_be(&Base64UrlUnpadded::decode_vec(text).expect("a constant"));
    let p = prime(
        "9YooFI0fKSbpigRhtAij87PabWbcIQ8El6TmNXNdJEV8JaApHY5-Kb1nRev2eO8IAyGDz8Mo8a_tQ69W4bvNqWRxFkJqLPIBED9q3Ki\
         HmROU6jyim3nGMnht01LnP-e-uTRqp2i2GTdBzjrCBwKOAQBPBD7U1EVlRCZNjR3eNM8",
    );
    let q = prime(
        "uJfppYgirhOqk0ze4T15pBjVJPF1bMFmQbva2E6-d5PBVb9oMyHfR1TnXzNCbjooq-07NUT7H8X8zJmkUFJ4gX32AjXivjNM6L5AyT1\
         r276_cXSJdPta6KZdVL1ws8u7bjeaBMrDJHOBrX7JHB14Sqb_LoamR7fWbAvUPwraPf8",
    );
    RsaPrivateKey::from_p_q(p, q, BigUint::from(65_537_u32)).expect("a constant")
});

/// The Worker's signing key: that of RFC 7515, appendix A.3.
pub(crate) const SIGNING_KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"key",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}"#;

/// The team's certs document.
pub(crate) static CERTS: LazyLock<String> = LazyLock::new(|| {
    let n = Base64UrlUnpadded::encode_string(&TEAM.n().to_bytes_be());
    format!(
        r#"{{"keys":[{{"kty":"RSA","kid":"key","alg":"RS256","use":"sig","e":"AQAB","n":"{n}"}}]}}"#
    )
});

/// Assertions that the team has signed.
#[derive(Debug)]
pub struct Genuine {
    /// Jane's.
    pub user: String,
    /// A configured service token's.
    pub bot: String,
    /// Jane's, expired.
    pub expired: String,
    /// Jane's, for another application of the team.
    pub elsewhere: String,
    /// A Backstage token of Jane's, signed by the Worker.
    pub backstage: String,
}

/// What is genuine. A target that serves anything else is wrong.
pub static GENUINE: LazyLock<Genuine> = LazyLock::new(|| {
    let claims = |who: &str, audience: &str, expires_in: i64| {
        let (iat, exp) = (NOW - 10, NOW + expires_in);
        format!(
            r#"{{"aud":["{audience}"],{who},"exp":{exp},"iat":{iat},"iss":"https://testteam.cloudflareaccess.com","type":"app"}}"#
        )
    };
    let jane = r#""email":"jane@example.com","sub":"8c87b489""#;
    let backstage = format!(
        r#"{{"sub":"user:default/jane","ent":["user:default/jane"],"iat":{NOW},"exp":{}}}"#,
        NOW + 3600
    );
    Genuine {
        user: assertion(&claims(jane, "aud", 3600)),
        bot: assertion(&claims(r#""common_name":"1.access","sub":"""#, "aud", 3600)),
        expired: assertion(&claims(jane, "aud", -1)),
        elsewhere: assertion(&claims(jane, "other", 3600)),
        backstage: token(&backstage),
    }
});

fn assertion(claims: &str) -> String {
    let input = input(r#"{"alg":"RS256","kid":"key","typ":"JWT"}"#, claims);
    let signature =
        TEAM.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(&input)).expect("a sound key");
    format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature))
}

fn token(claims: &str) -> String {
    let input = input(r#"{"typ":"vnd.backstage.user","alg":"ES256","kid":"key"}"#, claims);
    let d = Base64UrlUnpadded::decode_vec("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
    let key = p256::ecdsa::SigningKey::from_slice(&d.expect("a constant")).expect("a constant");
    let signature: p256::ecdsa::Signature = key.sign(input.as_bytes());
    format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature.to_bytes()))
}

fn input(header: &str, claims: &str) -> String {
    [header, claims].map(|part| Base64UrlUnpadded::encode_string(part.as_bytes())).join(".")
}

pub(crate) fn verify_rs256(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let JsonWebKey::Rsa { modulus, public_exponent, .. } = &key.jwk else { return false };
    remembered(&[modulus, public_exponent, message, signature], || {
        let number = BigUint::from_bytes_be;
        let key =
            RsaPublicKey::new_with_max_size(number(modulus), number(public_exponent), 8192).ok()?;
        let digest = Sha256::digest(message);
        key.verify(Pkcs1v15Sign::new::<Sha256>(), &digest, signature).ok()?;
        Some(Vec::new())
    })
    .is_some()
}

pub(crate) fn sign_es256(key: &SigningKey, message: &[u8]) -> Option<Vec<u8>> {
    remembered(&[key.id.as_bytes(), message], || {
        let signature: p256::ecdsa::Signature = private(key)?.sign(message);
        Some(signature.to_bytes().to_vec())
    })
}

pub(crate) fn verify_es256(key: &SigningKey, message: &[u8], signature: &[u8]) -> bool {
    remembered(&[key.id.as_bytes(), message, signature], || {
        let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
        private(key)?.verifying_key().verify(message, &signature).ok()?;
        Some(Vec::new())
    })
    .is_some()
}

/// The result of a computation that depends on these alone. Most inputs leave genuine tokens as they are, and cryptography
/// takes a hundred times as long as all else.
fn remembered(of: &[&[u8]], compute: impl FnOnce() -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    type Results = HashMap<Vec<Vec<u8>>, Option<Vec<u8>>>;
    thread_local!(static RESULTS: RefCell<Results> = RefCell::default());
    RESULTS.with_borrow_mut(|results| {
        if results.len() > 10_000 {
            results.clear();
        }
        let of = of.iter().map(|part| part.to_vec()).collect();
        results.entry(of).or_insert_with(compute).clone()
    })
}

fn private(key: &SigningKey) -> Option<p256::ecdsa::SigningKey> {
    let JsonWebKey::EllipticCurve { secret: Some(secret), .. } = &key.jwk else { return None };
    p256::ecdsa::SigningKey::from_slice(secret).ok()
}
