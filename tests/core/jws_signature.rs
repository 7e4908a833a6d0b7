//! The header and the signature of an assertion: algorithm, type, key.

use backstage_cfaccess::access::UnverifiedAssertion;
use backstage_cfaccess::error::{Refusal, Unsupported};
use serde_json::json;

use super::jws::{header_with, refusal, unsupported, with_header};
use crate::support::{Claims, Lab, NOW, OTHER, TEAM, encode, header, mint, mint_with};

#[test]
fn algorithms_other_than_exactly_rs256_are_refused() {
    for algorithm in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "HS256",
        "HS384",
        "HS512",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES256K",
        "EdDSA",
        "rs256",
        "Rs256",
        "RS256 ",
        " RS256",
        "RS256\\u0000",
        "RSA-OAEP",
        "dir",
    ] {
        let header = header().replace("RS256", algorithm);
        // Signed as RS256 all the same: the name alone must be enough to refuse it.
        let token = mint(&header, &Claims::user().text());
        assert_eq!(unsupported(&token), Unsupported::Algorithm, "{algorithm}");
    }
}

#[test]
fn algorithm_with_json_escapes_is_the_same_algorithm() {
    let token = with_header(&header().replace("RS256", r"\u0052S256"));
    assert!(UnverifiedAssertion::parse(&token).is_ok());
}

#[test]
fn alg_none_without_a_signature_is_refused() {
    let [header, payload] = [header().replace("RS256", "none"), Claims::user().text()].map(encode);
    assert_eq!(unsupported(&format!("{header}.{payload}.")), Unsupported::Algorithm);
}

#[test]
fn header_members_of_the_wrong_type_count_as_absent() {
    for (header, what) in [
        (r#"{"typ":"JWT","kid":"a"}"#, Unsupported::Algorithm),
        (r#"{"alg":null,"kid":"a"}"#, Unsupported::Algorithm),
        (r#"{"alg":["RS256"],"kid":"a"}"#, Unsupported::Algorithm),
        (r#"{"alg":256,"kid":"a"}"#, Unsupported::Algorithm),
        (r#"{"alg":"RS256"}"#, Unsupported::KeyIdMissing),
        (r#"{"alg":"RS256","kid":null}"#, Unsupported::KeyIdMissing),
        (r#"{"alg":"RS256","kid":1}"#, Unsupported::KeyIdMissing),
        (r#"{"alg":"RS256","kid":["a"]}"#, Unsupported::KeyIdMissing),
        (r#"{"alg":"RS256","kid":"a","typ":1}"#, Unsupported::Type),
        (r#"{"alg":"RS256","kid":"a","typ":null}"#, Unsupported::Type),
        (r#"{"alg":"RS256","kid":"a","cty":1}"#, Unsupported::Type),
        (r#"{"alg":"RS256","kid":"a","cty":null}"#, Unsupported::Type),
    ] {
        assert_eq!(unsupported(&with_header(header)), what, "{header}");
    }
}

#[test]
fn critical_extensions_are_always_refused() {
    for member in [
        r#""crit":[]"#,
        r#""crit":["exp"]"#,
        r#""crit":["b64"],"b64":false"#,
        r#""crit":["http://example.com/x"],"http://example.com/x":1"#,
        r#""crit":"exp""#,
        r#""crit":{}"#,
        r#""crit":0"#,
        r#""crit":false"#,
        r#""crit":null"#,
        r#""\u0063rit":[]"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""b64":null"#,
        r#""b64":"false""#,
    ] {
        let token = mint(&header_with(member), &Claims::user().text());
        assert_eq!(unsupported(&token), Unsupported::Critical, "{member}");
    }
}

#[test]
fn token_with_a_foreign_typ_is_refused() {
    for header in [
        header().replace("\"JWT\"", "\"at+jwt\""),
        header().replace("\"JWT\"", "\"JOSE\""),
        header().replace("\"JWT\"", "\"\""),
        header().replace("\"JWT\"", "\"JWT \""),
        header().replace("\"JWT\"", "\"vnd.backstage.user\""),
        header_with(r#""cty":"JWT""#),
        header_with(r#""cty":"cbor""#),
        header_with(r#""cty":"json""#),
        header_with(r#""cty":"""#),
    ] {
        assert_eq!(unsupported(&with_header(&header)), Unsupported::Type, "{header}");
    }
}

#[test]
fn typ_is_optional_and_compared_without_case() {
    for header in [header().replace(",\"typ\":\"JWT\"", ""), header().replace("\"JWT\"", "\"jwt\"")]
    {
        assert!(UnverifiedAssertion::parse(&with_header(&header)).is_ok(), "{header}");
    }
}

#[test]
fn token_without_a_kid_is_refused() {
    let long = "k".repeat(257);
    for kid in [r#""""#, "null", &format!("\"{long}\"")] {
        let header = format!(r#"{{"alg":"RS256","kid":{kid}}}"#);
        assert_eq!(unsupported(&with_header(&header)), Unsupported::KeyIdMissing, "{kid}");
    }
    let token = mint(r#"{"alg":"RS256","typ":"JWT"}"#, &Claims::user().text());
    assert_eq!(unsupported(&token), Unsupported::KeyIdMissing);
    let longest = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(256));
    assert!(UnverifiedAssertion::parse(&with_header(&longest)).is_ok());
}

#[test]
fn key_in_the_token_is_ignored() {
    let payload = Claims::user().text();
    let jwk = OTHER.jwk();
    for member in [
        format!("\"jwk\":{jwk}"),
        format!("\"jwk\":{}", json!({ "kid": TEAM.kid, "kty": "oct", "k": "AAAA" })),
        r#""jku":"https://evil.example.com/certs""#.to_owned(),
        r#""x5u":"https://evil.example.com/cert.pem""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        r#""x5t#S256":"lDpwLQbzRZmu4fjajvn3KWAx1pklDpwLQbzRZmu4fjY""#.to_owned(),
    ] {
        let header = header_with(&member);
        let genuine = mint(&header, &payload);
        assert_eq!(refusal(&genuine), None, "{member}");
        let forged = mint_with(&OTHER, &header, &payload);
        assert_eq!(refusal(&forged), Some(Refusal::SignatureInvalid.into()), "{member}");
    }
}

#[test]
fn hmac_with_the_public_key_as_secret_is_refused() {
    let header = header().replace("RS256", "HS256");
    let token = with_header(&header);
    assert_eq!(unsupported(&token), Unsupported::Algorithm);
}

#[test]
fn assertion_signed_with_another_key_is_refused() {
    let token = mint_with(&OTHER, &header(), &Claims::user().text());
    assert_eq!(refusal(&token), Some(Refusal::SignatureInvalid.into()));
}

#[test]
fn signature_of_another_assertion_is_refused() {
    let (jane, joe) = (Claims::user(), Claims::user().set("email", "joe@example.com"));
    let (jane, joe) = (jane.mint(), joe.mint());
    let (input, _) = jane.rsplit_once('.').unwrap();
    let (_, signature) = joe.rsplit_once('.').unwrap();
    let mixed = format!("{input}.{signature}");
    assert_eq!(refusal(&mixed), Some(Refusal::SignatureInvalid.into()));
}

#[test]
fn signature_of_the_wrong_length_is_refused() {
    let good = Claims::user().mint();
    let (input, _) = good.rsplit_once('.').unwrap();
    let signature = TEAM.sign(input.as_bytes());
    for bytes in [
        &[][..],
        &[0],
        &signature[..255],
        &signature[1..],
        &[&signature[..], &[0]].concat(),
        &[&[0], &signature[..]].concat(),
        &[0; 256],
        &[0xff; 256],
        &[&signature[..], &signature[..]].concat(),
    ] {
        let token = format!("{input}.{}", encode(bytes));
        assert_eq!(refusal(&token), Some(Refusal::SignatureInvalid.into()), "{}", bytes.len());
    }
}

#[test]
fn flipped_bit_of_the_signature_is_refused() {
    let good = Claims::user().mint();
    let (input, _) = good.rsplit_once('.').unwrap();
    let signature = TEAM.sign(input.as_bytes());
    let lab = Lab::new();
    // Each byte once, each bit of a byte in turn: 5 ms each without optimisation.
    for index in 0..signature.len() {
        let mut flipped = signature.clone();
        flipped[index] ^= 1 << (index % 8);
        let token = format!("{input}.{}", encode(&flipped));
        assert_eq!(
            lab.verify(&token, NOW).err(),
            Some(Refusal::SignatureInvalid.into()),
            "{index}"
        );
    }
    assert_eq!(lab.world.verified.get(), 256);
}

#[test]
fn flipped_bit_of_header_or_payload_is_refused() {
    let good = Claims::user().mint();
    let (input, _) = good.rsplit_once('.').unwrap();
    let lab = Lab::new();
    for index in 0..input.len() {
        for bit in 0..7 {
            let mut flipped = good.clone().into_bytes();
            flipped[index] ^= 1 << bit;
            let token = String::from_utf8(flipped).unwrap();
            assert!(lab.verify(&token, NOW).is_err(), "bit {bit} of byte {index}");
        }
    }
}

#[test]
fn parts_of_two_valid_assertions_are_refused_together() {
    let (jane, bot) = (Claims::user().mint(), Claims::service_token().mint());
    let [jane, bot] =
        [jane, bot].map(|token| token.split('.').map(str::to_owned).collect::<Vec<_>>());
    for (one, other) in [(&jane, &bot), (&bot, &jane)] {
        let mixed = format!("{}.{}.{}", one[0], other[1], one[2]);
        assert_eq!(refusal(&mixed), Some(Refusal::SignatureInvalid.into()));
    }
}
