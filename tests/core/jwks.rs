//! The team's key set: which of its members may verify an assertion, and which may not.

use backstage_cfaccess::access::{JwkSet, JwkSetError};
use serde_json::{Value, json};

use crate::support::{OTHER, SIGNER, TEAM, certs, jwk_of_modulus};

/// What is left of a set with these members.
fn kids(members: &[Value]) -> usize {
    match JwkSet::parse(&json!({ "keys": members }).to_string()) {
        Ok(set) => set.len(),
        Err(JwkSetError::NoUsableKey) => 0,
        Err(error) => panic!("{error}"),
    }
}

/// The team's key, with a member changed.
fn with(name: &str, value: Value) -> Value {
    let mut jwk = TEAM.jwk();
    jwk[name] = value;
    jwk
}

/// The team's key, without a member.
fn without(name: &str) -> Value {
    let mut jwk = TEAM.jwk();
    jwk.as_object_mut().unwrap().remove(name);
    jwk
}

#[test]
fn key_is_found_by_its_kid_only() {
    let set = JwkSet::parse(&certs(&[&TEAM, &OTHER])).unwrap();
    assert_eq!((set.len(), set.is_empty()), (2, false));
    for key in [&TEAM, &OTHER] {
        assert_eq!(set.get(&key.kid).unwrap().id, key.kid);
    }
    for kid in ["", "A", &TEAM.kid[1..], &TEAM.kid.to_uppercase(), &format!("{} ", TEAM.kid)] {
        assert!(set.get(kid).is_none(), "{kid}");
    }
}

#[test]
fn fingerprint_does_not_depend_on_the_kid() {
    let set = JwkSet::parse(&certs(&[&TEAM, &OTHER])).unwrap();
    let fingerprint = |kid: &str| set.get(kid).unwrap().fingerprint;
    assert_ne!(fingerprint(&TEAM.kid), fingerprint(&OTHER.kid));
    let renamed = json!({ "keys": [with("kid", json!("renamed"))] }).to_string();
    let renamed = JwkSet::parse(&renamed).unwrap().get("renamed").unwrap();
    assert_eq!(renamed.fingerprint, fingerprint(&TEAM.kid));
}

#[test]
fn document_of_the_certs_endpoint_is_read() {
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkq\n-----END CERTIFICATE-----\n";
    let document = json!({
        "keys": [TEAM.jwk(), OTHER.jwk()],
        "public_cert": { "kid": TEAM.kid, "cert": certificate },
        "public_certs": [
            { "kid": TEAM.kid, "cert": certificate },
            { "kid": OTHER.kid, "cert": certificate },
        ],
    });
    let text = serde_json::to_string_pretty(&document).unwrap();
    assert_eq!(JwkSet::parse(&text).unwrap().len(), 2);
}

#[test]
fn certificate_is_no_key() {
    let document = json!({
        "keys": [],
        "public_certs": [{ "kid": TEAM.kid, "cert": "-----BEGIN CERTIFICATE-----" }],
    });
    let error = JwkSet::parse(&document.to_string()).unwrap_err();
    assert_eq!(error, JwkSetError::NoUsableKey);
}

#[test]
fn document_without_a_key_set_is_refused() {
    for text in [
        "",
        "<!DOCTYPE html><html></html>",
        "null",
        "[]",
        "{}",
        "{\"keys\":null}",
        "{\"keys\":{}}",
        "{\"keys\":\"x\"}",
        "{\"keys\":[]",
        "{\"public_certs\":[]}",
    ] {
        let error = JwkSet::parse(text).unwrap_err();
        assert!(matches!(error, JwkSetError::NotAKeySet(_)), "{text}: {error:?}");
    }
    assert_eq!(JwkSet::parse("{\"keys\":[]}").unwrap_err(), JwkSetError::NoUsableKey);
}

#[test]
fn entry_that_is_no_key_is_ignored_and_the_others_stay() {
    for stranger in [
        json!(null),
        json!("key"),
        json!(1),
        json!([]),
        json!({}),
        json!({ "kid": "x" }),
        json!({ "kid": "x", "kty": "RSA" }),
        json!({ "kid": "x", "kty": "RSA", "n": "!!", "e": "AQAB" }),
        json!({ "kid": "x", "kty": "RSA", "n": 5, "e": "AQAB" }),
        json!({ "kid": "x", "kty": "AKP", "pub": "AAAA" }),
        json!({ "kid": "x", "kty": "oct", "k": "AAAA", "alg": "HS256" }),
        json!({ "kid": "x", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
        SIGNER.public_jwk(),
    ] {
        assert_eq!(kids(&[stranger.clone(), TEAM.jwk()]), 1, "{stranger}");
        assert_eq!(kids(std::slice::from_ref(&stranger)), 0, "{stranger}");
    }
}

#[test]
fn key_without_a_kid_is_ignored() {
    for jwk in
        [without("kid"), with("kid", json!("")), with("kid", json!(null)), with("kid", json!(1))]
    {
        assert_eq!(kids(&[jwk]), 0);
    }
}

#[test]
fn key_for_another_algorithm_or_use_is_ignored() {
    for (name, value) in [
        ("alg", json!("RS512")),
        ("alg", json!("PS256")),
        ("alg", json!("RSA-OAEP")),
        ("alg", json!("rs256")),
        ("alg", json!("")),
        ("alg", json!(256)),
        ("use", json!("enc")),
        ("use", json!("SIG")),
        ("use", json!("")),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!(["encrypt", "wrapKey"])),
        ("key_ops", json!([])),
        ("key_ops", json!("verify")),
        ("kty", json!("rsa")),
        ("kty", json!("EC")),
    ] {
        assert_eq!(kids(&[with(name, value.clone())]), 0, "{name}: {value}");
    }
}

#[test]
fn algorithm_and_use_may_be_absent_or_say_what_they_should() {
    for jwk in [
        without("alg"),
        without("use"),
        with("key_ops", json!(["verify"])),
        with("key_ops", json!(["verify", "sign"])),
        with("ext", json!(true)),
        with("x5c", json!(["MIIB"])),
    ] {
        assert_eq!(kids(std::slice::from_ref(&jwk)), 1, "{jwk}");
    }
}

#[test]
fn key_with_too_few_or_too_many_bits_is_ignored() {
    for (bits, usable) in [
        (256, false),
        (512, false),
        (1024, false),
        (2040, false),
        (2047, false),
        (2048, true),
        (2049, true),
        (3072, true),
        (4096, true),
        (8192, true),
        (8193, false),
        (16_384, false),
    ] {
        assert_eq!(kids(&[jwk_of_modulus("x", bits)]), usize::from(usable), "{bits} bits");
    }
}

#[test]
fn leading_zeros_of_a_modulus_do_not_count() {
    // 1024 bits in 256 bytes.
    let zeros = [vec![0_u8; 128], vec![0xff; 128]].concat();
    assert_eq!(kids(&[with("n", json!(crate::support::encode(zeros)))]), 0);
    assert_eq!(kids(&[with("n", json!(""))]), 0);
    assert_eq!(kids(&[with("n", json!(crate::support::encode([0_u8; 256])))]), 0);
}

#[test]
fn key_with_an_unsound_exponent_is_ignored() {
    for (exponent, usable) in [
        (&[1_u8, 0, 1][..], true),
        (&[3], true),
        (&[17], true),
        (&[0xff, 0xff, 0xff, 0xff], true),
        (&[], false),
        (&[0], false),
        (&[1], false),
        (&[2], false),
        (&[0, 0, 0, 1], false),
        (&[1, 0, 0], false),
        (&[1, 0, 0, 0, 1], false),
        (&[0xff; 32], false),
        (&[0xff; 256], false),
    ] {
        let jwk = with("e", json!(crate::support::encode(exponent)));
        assert_eq!(kids(&[jwk]), usize::from(usable), "{exponent:?}");
    }
}

#[test]
fn published_private_key_is_ignored() {
    for value in [json!("AAAA"), json!(""), json!(null), json!(1)] {
        assert_eq!(kids(&[with("d", value.clone()), OTHER.jwk()]), 1, "{value}");
    }
}

#[test]
fn two_usable_keys_with_one_kid_are_both_ignored() {
    let mut impostor = OTHER.jwk();
    impostor["kid"] = json!(TEAM.kid);
    assert_eq!(kids(&[TEAM.jwk(), impostor.clone()]), 0);
    assert_eq!(kids(&[TEAM.jwk(), TEAM.jwk()]), 0);
    let set = json!({ "keys": [impostor, TEAM.jwk(), OTHER.jwk()] }).to_string();
    let set = JwkSet::parse(&set).unwrap();
    assert!(set.get(&TEAM.kid).is_none());
    assert!(set.get(&OTHER.kid).is_some());
}

#[test]
fn unusable_key_with_the_same_kid_does_not_matter() {
    assert_eq!(kids(&[with("use", json!("enc")), TEAM.jwk()]), 1);
    assert_eq!(kids(&[jwk_of_modulus(&TEAM.kid, 1024), TEAM.jwk()]), 1);
}

#[test]
fn number_of_keys_is_limited() {
    let members: Vec<Value> =
        (0..100).map(|index| jwk_of_modulus(&format!("kid-{index}"), 2048)).collect();
    let set = JwkSet::parse(&json!({ "keys": members }).to_string()).unwrap();
    assert_eq!(set.len(), 64);
    assert!(set.get("kid-63").is_some());
    assert!(set.get("kid-64").is_none());
}

#[test]
fn error_of_a_key_set_says_what_is_wrong() {
    let error = JwkSet::parse("<html>").unwrap_err().to_string();
    assert!(error.starts_with("not a JWK Set: "), "{error}");
    let error = JwkSet::parse("{\"keys\":[]}").unwrap_err().to_string();
    assert_eq!(error, "no usable RSA key in the JWK Set");
}
