//! That what the tests verify RS256 with is itself sound: project Wycheproof's signatures, valid
//! ones and ones with which other verifiers were fooled.

use backstage_cfaccess::access::JwkSet;
use backstage_cfaccess::jwk::PublicKey;
use backstage_cfaccess::ports::Ports;
use serde_json::json;
use wycheproof::TestResult;
use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};

use crate::support::{World, block_on, encode};

/// The key as the core would have it from a certs document.
fn public_key(modulus: &[u8], exponent: &[u8]) -> Option<PublicKey> {
    let key = json!({ "kid": "x", "kty": "RSA", "n": encode(modulus), "e": encode(exponent) });
    let set = JwkSet::parse(&json!({ "keys": [key] }).to_string()).ok()?;
    Some(set.get("x")?.as_ref().clone())
}

#[test]
fn signatures_are_judged_as_wycheproof_judges_them() {
    let world = World::new();
    let mut judged = 0;
    for name in [
        TestName::Rsa2048Sha256,
        TestName::Rsa3072Sha256,
        TestName::Rsa4096Sha256,
        TestName::Rsa8192Sha256,
    ] {
        let set = TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let Some(key) = public_key(&group.key.n, &group.key.e) else {
                panic!("a key of {} bits is passed over", group.key_size)
            };
            for test in &group.tests {
                let valid = block_on(world.verify_rs256(&key, &test.msg, &test.sig)).unwrap();
                let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                match test.result {
                    TestResult::Valid => assert!(valid, "{what}"),
                    TestResult::Invalid => assert!(!valid, "{what}"),
                    // A missing NULL in the padding: old signers left it out, RFC 8017 does not.
                    TestResult::Acceptable => {}
                }
                judged += 1;
            }
        }
    }
    assert!(judged > 800, "{judged}");
}
