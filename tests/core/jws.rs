//! The form of an assertion, before anything in it is believed: what is malformed, what is
//! unsupported, and that no bit of it can be changed.

use backstage_cfaccess::access::{MAX_ASSERTION_BYTES, UnverifiedAssertion};
use backstage_cfaccess::error::{GateError, Malformed, Refusal, Unsupported};
use serde_json::json;

use crate::support::{Claims, Lab, NOW, OTHER, TEAM, at, encode, header, mint, mint_with};

fn malformed(token: &str) -> Malformed {
    match UnverifiedAssertion::parse(token) {
        Err(Refusal::AssertionMalformed(what)) => what,
        other => panic!("{token}: {other:?}"),
    }
}

fn unsupported(token: &str) -> Unsupported {
    match UnverifiedAssertion::parse(token) {
        Err(Refusal::AssertionUnsupported(what)) => what,
        other => panic!("{token}: {other:?}"),
    }
}

/// A compact JWS without a true signature, for what must be refused before one is looked at.
fn unsigned(header: &str, payload: &str) -> String {
    format!("{}.{}.{}", encode(header), encode(payload), encode("signature"))
}

/// The header with more members.
fn header_with(members: &str) -> String {
    header().replacen('{', &format!("{{{members},"), 1)
}

fn with_header(header: &str) -> String {
    unsigned(header, &Claims::user().text())
}

fn with_payload(payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}.{}", encode(header()), encode(payload), encode("signature"))
}

/// What a gate that knows the team's keys says of an assertion.
fn refusal(token: &str) -> Option<GateError> {
    Lab::new().verify(token, NOW).err()
}

#[test]
fn a_well_formed_assertion_is_taken_apart_and_its_claims_keep_their_spelling() {
    let payload = Claims::user().text().replacen('{', "{ \n\t", 1);
    let token = mint(&header(), &payload);
    let unverified = UnverifiedAssertion::parse(&token).unwrap();
    let (signing_input, _) = token.rsplit_once('.').unwrap();
    assert_eq!(unverified.key_id, TEAM.kid);
    assert_eq!(unverified.payload_json, payload);
    assert_eq!(unverified.signing_input, signing_input.as_bytes());
    assert_eq!(unverified.signature, TEAM.sign(signing_input.as_bytes()));
    assert_eq!(unverified.claims.expiration, Some(at(NOW + 3600)));
    assert_eq!(unverified.claims.custom.email.as_deref(), Some("jane@example.com"));
}

#[test]
fn anything_but_three_parts_is_refused() {
    let good = Claims::user().mint();
    let (header, rest) = good.split_once('.').unwrap();
    let jwe = format!("{header}.{}.{}.{rest}", encode("key"), encode("iv"));
    for token in [
        "",
        "garbage",
        header,
        rest,
        &format!("{good}."),
        &format!("{good}.{header}"),
        &format!(".{good}"),
        &jwe,
        "....",
    ] {
        assert_eq!(malformed(token), Malformed::Parts, "{token}");
    }
}

#[test]
fn empty_parts_are_refused() {
    let good = Claims::user().mint();
    let [header, payload, _] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(malformed(&format!(".{payload}.x")), Malformed::Json);
    assert_eq!(malformed(&format!("{header}..x")), Malformed::Json);
    assert_eq!(malformed(".."), Malformed::Json);
    let unsigned = format!("{header}.{payload}.");
    assert_eq!(refusal(&unsigned), Some(Refusal::SignatureInvalid.into()));
}

#[test]
fn characters_outside_the_alphabet_are_refused_wherever_they_stand() {
    let good = Claims::user().mint();
    let middle = good.len() / 2;
    for stranger in [
        "=", "+", "/", " ", "\n", "\r\n", "\t", "\0", ",", ";", "%", "\"", "~", ":", "é", "ａ",
        "\u{200b}", "\u{feff}", "\u{7f}",
    ] {
        for token in [
            format!("{stranger}{good}"),
            format!("{}{stranger}{}", &good[..middle], &good[middle..]),
            format!("{good}{stranger}"),
        ] {
            assert_eq!(malformed(&token), Malformed::Character, "{stranger:?}");
        }
    }
}

#[test]
fn padding_is_refused_even_where_base64_would_want_it() {
    let [header, payload] = [header(), Claims::user().text()].map(encode);
    for padded in [format!("{header}=.{payload}.x"), format!("{header}.{payload}=.x")] {
        assert_eq!(malformed(&padded), Malformed::Character);
    }
    assert_eq!(malformed(&format!("{header}.{payload}.eA==")), Malformed::Character);
}

#[test]
fn the_other_spellings_of_the_same_bytes_are_refused() {
    // The last character of a part of 3n + 1 or 3n + 2 bytes has 4 or 2 bits that mean nothing.
    let (header, payload) = (encode(r#"{"a":12}"#), encode(r#"{"a":1}"#));
    assert_eq!((header.len() % 4, payload.len() % 4), (3, 2));
    let other_spelling = |part: &str| {
        let last = part.bytes().last().unwrap();
        format!("{}{}", &part[..part.len() - 1], char::from(last + 1))
    };
    let spelled = other_spelling(&header);
    assert_eq!(malformed(&format!("{spelled}.{payload}.x")), Malformed::Base64);
    let header = encode(self::header());
    let spelled = other_spelling(&payload);
    assert_eq!(malformed(&format!("{header}.{spelled}.x")), Malformed::Base64);

    let good = Claims::user().mint();
    let (input, signature) = good.rsplit_once('.').unwrap();
    assert_eq!(signature.len() % 4, 2);
    let last = signature.bytes().last().unwrap();
    for digit in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
        if *digit == last {
            continue;
        }
        let spelled = &signature[..signature.len() - 1];
        let token = format!("{input}.{spelled}{}", char::from(*digit));
        let expected = [
            Some(Refusal::AssertionMalformed(Malformed::Base64).into()),
            Some(Refusal::SignatureInvalid.into()),
        ];
        assert!(expected.contains(&refusal(&token)), "{}", char::from(*digit));
    }
}

#[test]
fn a_part_of_an_impossible_length_is_refused() {
    let [header, payload] = [header(), Claims::user().text()].map(encode);
    assert_eq!(malformed(&format!("A.{payload}.eA")), Malformed::Base64);
    assert_eq!(malformed(&format!("{header}.A.eA")), Malformed::Base64);
    assert_eq!(malformed(&format!("{header}.{payload}.A")), Malformed::Base64);
}

#[test]
fn the_longest_assertion_is_accepted_and_one_byte_more_is_not() {
    let claims = Claims::user();
    let spare = |filler: usize, spaces: usize| {
        let payload = claims.clone().set("filler", "f".repeat(filler)).text();
        let payload = format!("{payload}{}", " ".repeat(spaces));
        (encode(&payload).len(), payload)
    };
    // Header, two dots and the 342 characters of a signature of 256 bytes.
    let room = MAX_ASSERTION_BYTES - encode(header()).len() - 2 - 342;
    let (base, _) = spare(0, 0);
    let payload = (0..8)
        .map(|spaces| spare((room - base) / 4 * 3, spaces))
        .find(|(length, _)| *length == room)
        .map(|(_, payload)| payload)
        .unwrap();
    let token = mint(&header(), &payload);
    assert_eq!(token.len(), MAX_ASSERTION_BYTES);
    assert_eq!(refusal(&token), None);
    assert_eq!(malformed(&format!("{token}A")), Malformed::Length);
    assert_eq!(malformed(&"é".repeat(MAX_ASSERTION_BYTES)), Malformed::Length);
}

#[test]
fn a_header_or_payload_that_is_no_utf_8_is_refused() {
    let bytes = b"{\"iss\":\"\xff\"}";
    assert_eq!(malformed(&with_payload(bytes)), Malformed::Json);
    let token = format!("{}.{}.eA", encode(bytes), encode(Claims::user().text()));
    assert_eq!(malformed(&token), Malformed::Json);
    // A surrogate half in UTF-8, an overlong slash, and a byte order mark.
    for bytes in [&b"{\"a\":\"\xed\xa0\x80\"}"[..], b"{\"a\":\"\xc0\xaf\"}", b"\xef\xbb\xbf{}"] {
        assert_eq!(malformed(&with_payload(bytes)), Malformed::Json);
    }
}

#[test]
fn a_header_or_payload_that_is_no_json_object_is_refused() {
    for text in [
        "",
        " ",
        "null",
        "true",
        "1795532761",
        "\"{}\"",
        "[]",
        "[{}]",
        "{",
        "{}{}",
        "{} x",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{/* */}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\ud800\"}",
        "\u{a0}{}",
        "exp=1795532761",
    ] {
        assert_eq!(malformed(&with_payload(text)), Malformed::Json, "{text}");
        assert_eq!(malformed(&with_header(text)), Malformed::Json, "{text}");
    }
}

#[test]
fn nesting_without_end_is_refused_and_does_not_overflow() {
    for text in ["[".repeat(9_000), "{\"a\":".repeat(1_800), "{\"a\":[".repeat(1_500)] {
        assert_eq!(malformed(&with_payload(&text)), Malformed::Json);
    }
}

#[test]
fn duplicate_members_are_refused_in_every_spelling_and_at_every_depth() {
    let claims = Claims::user().text();
    for member in [
        r#""email":"boss@example.com""#,
        r#""\u0065mail":"boss@example.com""#,
        r#""e\u006dail":"boss@example.com""#,
        r#""custom":{"a":1,"a":1}"#,
        r#""custom":[{"a":1,"\u0061":1}]"#,
        r#""iss":null"#,
        r#""a":0,"a":0"#,
    ] {
        for payload in [
            claims.replacen('{', &format!("{{{member},"), 1),
            format!("{},{member}}}", claims.strip_suffix('}').unwrap()),
        ] {
            let token = mint(&header(), &payload);
            assert_eq!(malformed(&token), Malformed::DuplicateMember, "{member}");
        }
    }
    for member in [
        r#""alg":"none""#,
        r#""alg":"RS256""#,
        r#""\u0061lg":"HS256""#,
        r#""kid":"x""#,
        r#""jwk":{"n":"","n":""}"#,
    ] {
        let token = with_header(&header_with(member));
        assert_eq!(malformed(&token), Malformed::DuplicateMember, "{member}");
    }
}

#[test]
fn members_that_differ_in_case_are_no_duplicates_and_mean_nothing() {
    let payload = Claims::user().set("EMAIL", "boss@example.com").set("Exp", 1).text();
    let token = unsigned(&header(), &payload);
    let unverified = UnverifiedAssertion::parse(&token).unwrap();
    assert_eq!(unverified.claims.custom.email.as_deref(), Some("jane@example.com"));
    let token = with_header(&header().replace("\"alg\"", "\"ALG\""));
    assert_eq!(unsupported(&token), Unsupported::Algorithm);
}

#[test]
fn every_algorithm_but_rs256_is_refused_and_case_counts() {
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
fn an_algorithm_in_another_spelling_of_the_same_string_is_the_same() {
    let token = with_header(&header().replace("RS256", r"\u0052S256"));
    assert!(UnverifiedAssertion::parse(&token).is_ok());
}

#[test]
fn alg_none_without_a_signature_is_refused() {
    let [header, payload] = [header().replace("RS256", "none"), Claims::user().text()].map(encode);
    assert_eq!(unsupported(&format!("{header}.{payload}.")), Unsupported::Algorithm);
}

#[test]
fn header_members_of_the_wrong_type_are_refused_as_if_they_were_absent() {
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
fn critical_extensions_are_refused_whatever_they_are() {
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
fn a_token_of_another_type_is_refused() {
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
fn typ_may_be_absent_and_its_case_means_nothing() {
    for header in [header().replace(",\"typ\":\"JWT\"", ""), header().replace("\"JWT\"", "\"jwt\"")]
    {
        assert!(UnverifiedAssertion::parse(&with_header(&header)).is_ok(), "{header}");
    }
}

#[test]
fn a_token_without_a_key_id_is_refused() {
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
fn a_key_that_comes_with_the_token_is_not_looked_at() {
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
fn an_hmac_with_the_public_key_as_its_secret_is_refused() {
    let header = header().replace("RS256", "HS256");
    let token = with_header(&header);
    assert_eq!(unsupported(&token), Unsupported::Algorithm);
}

#[test]
fn an_assertion_signed_with_another_key_is_refused() {
    let token = mint_with(&OTHER, &header(), &Claims::user().text());
    assert_eq!(refusal(&token), Some(Refusal::SignatureInvalid.into()));
}

#[test]
fn a_signature_of_another_assertion_is_refused() {
    let (jane, joe) = (Claims::user(), Claims::user().set("email", "joe@example.com"));
    let (jane, joe) = (jane.mint(), joe.mint());
    let (input, _) = jane.rsplit_once('.').unwrap();
    let (_, signature) = joe.rsplit_once('.').unwrap();
    let mixed = format!("{input}.{signature}");
    assert_eq!(refusal(&mixed), Some(Refusal::SignatureInvalid.into()));
}

#[test]
fn a_signature_of_the_wrong_length_is_refused() {
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
fn a_flipped_bit_of_the_signature_is_refused() {
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
fn a_flipped_bit_of_header_or_payload_is_refused() {
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
fn parts_of_two_good_assertions_make_no_third() {
    let (jane, bot) = (Claims::user().mint(), Claims::service_token().mint());
    let [jane, bot] =
        [jane, bot].map(|token| token.split('.').map(str::to_owned).collect::<Vec<_>>());
    for (one, other) in [(&jane, &bot), (&bot, &jane)] {
        let mixed = format!("{}.{}.{}", one[0], other[1], one[2]);
        assert_eq!(refusal(&mixed), Some(Refusal::SignatureInvalid.into()));
    }
}
